import type { Driver, Entry, RegistrySession, StoredEntry } from '@rpcx/core'
import { systemClock } from '@rpcx/core'
import { Log } from './log.ts'

/** The entry that a watch reported; `undefined` when there is none. */
export type Sighting = StoredEntry | undefined

/** Uses a driver directly, without the recovery of core. It shows what the driver itself reports and does. */
export class Party {
  readonly session: RegistrySession
  readonly #signal: AbortSignal

  private constructor(session: RegistrySession, signal: AbortSignal) {
    this.session = session
    this.#signal = signal
  }

  static async open(driver: Driver, signal: AbortSignal): Promise<Party> {
    return new Party(await driver.open(signal, systemClock), signal)
  }

  /** Watches an entry. Returns a log of all reports from now on. */
  watch({ service, address }: EntryRef, signal: AbortSignal = this.#signal): Log<Sighting> {
    const seen = new Log<Sighting>(this.#signal)
    // Watches only once: a party lives no longer than a law, and needs no recovery.
    this.session
      .watchEntry(service, address, stored => seen.add(stored), signal)
      .catch(error => seen.fail(error))
    return seen
  }

  /** Returns the entry that the registry holds now. */
  async look(place: EntryRef): Promise<Sighting> {
    const looking = new AbortController()
    const end = (): void => looking.abort()
    this.#signal.addEventListener('abort', end, { once: true })
    try {
      return await this.watch(place, looking.signal).until(
        'watchEntry() to report the current entry',
        () => true,
      )
    } finally {
      end()
      this.#signal.removeEventListener('abort', end)
    }
  }

  /** Writes the entry, whatever the registry holds. */
  async claim(entry: Entry): Promise<StoredEntry> {
    for (;;) {
      this.#signal.throwIfAborted()
      const version = await this.write(entry, await this.look(entry))
      if (version !== undefined) return { metadata: entry.metadata, version, by: 'us' }
    }
  }

  write(entry: Entry, over: Sighting): Promise<bigint | undefined> {
    return this.session.write(entry, over, 'all', this.#signal)
  }

  remove({ service, address }: EntryRef): Promise<void> {
    return this.session.remove(service, address, this.#signal)
  }

  close(): Promise<void> {
    return this.session.close(AbortSignal.timeout(5_000))
  }
}

type EntryRef = Pick<Entry, 'service' | 'address'>
