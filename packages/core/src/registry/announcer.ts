import { Backoff } from '../discovery/backoff.ts'
import type { RegistrySession, StoredEntry } from '../discovery/driver.ts'
import type { RegistryConnection } from '../discovery/registry-connection.ts'
import { RpcxError } from '../errors.ts'
import type { PublicEvents } from '../events.ts'
import type { Metrics } from '../server/meters.ts'
import type { ServerEvents } from '../server/plugin.ts'
import { either } from '../signals.ts'
import { AnnouncedMetadata } from './announced-metadata.ts'
import { EntryRef } from './entry-ref.ts'
import { EntryState } from './entry-state.ts'
import type { EntryWatcherOwner } from './entry-watcher.ts'
import { EntryWatcher } from './entry-watcher.ts'
import { Ownership } from './ownership.ts'

/**
 * Keeps one entry in a registry as its server wants it, and writes it whenever the registry holds something else. A single loop does all of
 * it, so that a write, a loss and the withdrawal never race.
 */
export class Announcer implements EntryWatcherOwner {
  /** Resolves or rejects with the first attempt to register. */
  readonly firstAttempt: Promise<void>
  /** Resolves when the announcer has finished: the entry is gone, or is left to its TTL. */
  readonly done: Promise<void>
  readonly #ref: EntryRef
  readonly #connection: RegistryConnection
  readonly #metadata: AnnouncedMetadata
  readonly #entry: EntryState
  readonly #ownership: Ownership
  readonly #losses: Backoff
  readonly #stopping = new AbortController()
  /** The calls of `visible()` that have not resolved. */
  readonly #waiting = new Set<() => void>()
  /** Whether the previous entry of this service is still being removed. */
  #isWaiting = true
  /** Whether the next step must be delayed. */
  #mustPause = false
  /** Whether the last write failed and must be repeated. Meanwhile, a successful read does not mean that the registry is back. */
  #isFailing = false
  /** The number of consecutive writes that failed because the registry held something unexpected. */
  #refusals = 0
  #wake: () => void = () => {}
  /** Settles `firstAttempt`. */
  #attempted: (error?: unknown) => void = () => {}
  /** Settles `withdraw()`. */
  #withdrawn: () => void = () => {}

  constructor(
    service: string,
    address: string,
    metadata: string,
    connection: RegistryConnection,
    events: PublicEvents<ServerEvents>,
    after: Promise<void> = Promise.resolve(),
  ) {
    this.#ref = new EntryRef(service, address, connection)
    this.#connection = connection
    this.#losses = new Backoff(connection.clock)
    this.#metadata = new AnnouncedMetadata(metadata)
    this.#entry = new EntryState(this.#metadata)
    this.#ownership = new Ownership(this.#ref.subject, events)
    this.firstAttempt = new Promise((resolve, reject) => {
      this.#attempted = error => (error === undefined ? resolve() : reject(error))
    })
    this.firstAttempt.catch(() => {})
    this.done = after.then(() => this.#run())
  }

  /**
   * Sets the metadata. Resolves when others can see them.
   * @throws `ERR_RPCX_REGISTRY` when that takes too long; the announcer still writes them later
   */
  setMetadata(text: string): Promise<void> {
    this.#metadata.set(text)
    this.#wake()
    return this.#ref.within('setMetadata', this.#stopping.signal, () => this.visible())
  }

  /** Publishes new metrics. */
  measure(metrics: Metrics): void {
    this.#metadata.measure(metrics)
    this.#wake()
  }

  /** Resolves when the registry holds the wanted entry, or when the entry is withdrawn. */
  visible(): Promise<void> {
    if (this.#isVisible() || this.#stopping.signal.aborted) return Promise.resolve()
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  /**
   * Withdraws the entry. Resolves when it is gone, or when the first attempt to remove it fails. Further attempts follow as long as the
   * session keeps it.
   */
  withdraw(): Promise<void> {
    this.#stopping.abort(new RpcxError('ERR_RPCX_CLOSED', 'announcer: withdrawn'))
    this.#wake()
    if (this.#isWaiting) return Promise.resolve()
    return Promise.race([this.done, new Promise<void>(resolve => (this.#withdrawn = resolve))])
  }

  looking(): void {
    this.#entry.looking()
  }

  saw(held: StoredEntry | undefined): void {
    this.#entry.saw(held)
    this.#judge()
    this.#isFailing &&= this.#isDue()
    if (!this.#isFailing) this.#connection.succeeded(this.#ref)
    this.#wake()
  }

  failed(error: Error): void {
    this.#connection.failed(error, this.#ref)
    this.#attempted(error)
  }

  async #run(): Promise<void> {
    this.#isWaiting = false
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#live(await this.#ref.session(signal))
      } catch (error) {
        if (signal.aborted) break
        this.failed(error as Error)
        await this.#connection.backoff.wait(error, signal)
      }
    }
    this.#connection.left(this.#ref)
    this.#attempted()
    this.#wakeWaiting()
  }

  /** Keeps the entry up to date until the session ends or the entry is withdrawn. */
  async #live(session: RegistrySession): Promise<void> {
    const ending = new AbortController()
    const ended = ending.signal
    const forget = this.#connection.whenEnded(session, reason => {
      if (!this.#stopping.signal.aborted) this.#ownership.lost('expired', reason)
      this.#mustPause = true
      ending.abort(reason)
      this.#wake()
    })
    this.#entry.forget()
    const watcher = new EntryWatcher(this.#ref, session, this)
    while (!ended.aborted && !this.#stopping.signal.aborted) await this.#step(session, watcher, ended)
    watcher.stop()
    // This session cannot remove an entry that another session keeps by now. So it first writes the entry again.
    if (!ended.aborted && this.#ownership.isHeld && this.#entry.isSomeoneElses)
      await this.#write(session, ended, ended, () => true)
    const isGone = this.#entry.mayBeOurs && (await this.#ref.remove(session, ended, () => this.#withdrawn()))
    forget()
    if (isGone) this.#ownership.withdrawn()
  }

  async #step(session: RegistrySession, watcher: EntryWatcher, ended: AbortSignal): Promise<void> {
    if (this.#mustPause) {
      this.#mustPause = false
      // The registry works, so the delay does not come from the back-off of its connection.
      return this.#losses.wait(undefined, this.#stopping.signal)
    }
    if (this.#isDue()) {
      const turn = either(ended, this.#stopping.signal)
      await this.#write(session, ended, turn.signal, () => this.#isDue())
      turn.release()
      return
    }
    if (this.#entry.isDoubtful) watcher.again()
    if (this.#isVisible()) this.#wakeWaiting()
    await new Promise<void>(resolve => (this.#wake = resolve))
  }

  /**
   * Writes the entry when it is its turn.
   * @param turn ends the wait for the turn. It does not abort the write: an aborted write may leave an entry that is not removed.
   * @param isWanted whether to write at that time
   */
  async #write(
    session: RegistrySession,
    ended: AbortSignal,
    turn: AbortSignal,
    isWanted: () => boolean,
  ): Promise<void> {
    let text: string | undefined
    const write = (): Promise<bigint | undefined> => {
      if (!isWanted()) return Promise.resolve(undefined)
      const over = this.#entry.writing()
      text = this.#metadata.toString()
      const audience = over?.by === 'us' ? this.#metadata.audience : 'all'
      return this.#ref.write(session, text, over, audience, ended)
    }
    try {
      const version = await this.#connection.writes.run(write, turn)
      if (text === undefined) return
      this.#isFailing = false
      if (version !== undefined) this.#entry.written(text, version)
      else this.#entry.refused()
      this.#refusals = version === undefined ? this.#refusals + 1 : 0
      if (this.#refusals > FEW) this.#mustPause = true
      this.#judge()
    } catch (error) {
      if (text === undefined) return
      this.#entry.unanswered(text)
      if (ended.aborted) return
      this.#isFailing = true
      this.failed(error as Error)
      const over = either(ended, this.#stopping.signal)
      await this.#connection.backoff.wait(error, over.signal)
      over.release()
    }
  }

  #judge(): void {
    if (!this.#entry.isKnown) return
    if (this.#ownership.judge(this.#entry.there)) this.#mustPause = true
    if (this.#ownership.isHeld) this.#attempted()
  }

  /** Whether the registry holds something else than the wanted entry, and this server may replace it. */
  #isDue(): boolean {
    const { there, isKnown } = this.#entry
    if (!isKnown || !this.#ownership.mayReplace(there)) return false
    return there?.by !== 'us' || there.metadata !== this.#metadata.toString()
  }

  #isVisible(): boolean {
    return this.#entry.isKnown && this.#ownership.isHeld && !this.#isDue()
  }

  #wakeWaiting(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

/** The number of consecutive refusals that need no pause. */
const FEW = 3
