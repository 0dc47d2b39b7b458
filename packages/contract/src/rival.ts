import type { Announcement, Driver, Entry, Session } from '@rpcx/core'
import { Log } from './log.ts'

/** Another process that announces the same address, played through a driver of its own. */
export class Rival {
  /** What it was told of its entry: `changed`, or why it is lost. */
  readonly told: Log<string>
  readonly #session: Session
  readonly #announcement: Announcement
  readonly #leaving = new AbortController()

  private constructor(session: Session, announcement: Announcement, told: Log<string>) {
    this.#session = session
    this.#announcement = announcement
    this.told = told
    // Once: a rival that lives as long as a law needs no recovery.
    announcement.watch?.(this.#leaving.signal, () => {}).catch(() => {})
  }

  static async claim(driver: Driver, entry: Entry, signal: AbortSignal): Promise<Rival> {
    const told = new Log<string>(signal)
    const session = await driver.open(signal)
    const holder = {
      changed: () => told.add('changed'),
      lost: (why: string) => told.add(why),
    }
    return new Rival(session, await session.announce(entry, 'claim', holder, signal), told)
  }

  update(expected: string, next: string): Promise<boolean> {
    return this.#announcement.update(expected, next, 'all')
  }

  withdraw(signal: AbortSignal): Promise<void> {
    return this.#announcement.withdraw(signal)
  }

  close(signal: AbortSignal): Promise<void> {
    this.#leaving.abort()
    return this.#session.close(signal)
  }
}
