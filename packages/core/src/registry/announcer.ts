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
  readonly #place: EntryRef
  readonly #uplink: RegistryConnection
  readonly #metadata: AnnouncedMetadata
  readonly #entry: EntryState
  readonly #tenure: Ownership
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
    uplink: RegistryConnection,
    events: PublicEvents<ServerEvents>,
    after: Promise<void> = Promise.resolve(),
  ) {
    this.#place = new EntryRef(service, address, uplink)
    this.#uplink = uplink
    this.#losses = new Backoff(uplink.clock)
    this.#metadata = new AnnouncedMetadata(metadata)
    this.#entry = new EntryState(this.#metadata)
    this.#tenure = new Ownership(this.#place.subject, events)
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
    return this.#place.within('setMetadata', this.#stopping.signal, () => this.visible())
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
    if (!this.#isFailing) this.#uplink.succeeded(this.#place)
    this.#wake()
  }

  failed(error: Error): void {
    this.#uplink.failed(error, this.#place)
    this.#attempted(error)
  }

  async #run(): Promise<void> {
    this.#isWaiting = false
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#live(await this.#place.session(signal))
      } catch (error) {
        if (signal.aborted) break
        this.failed(error as Error)
        await this.#uplink.backoff.wait(error, signal)
      }
    }
    this.#uplink.left(this.#place)
    this.#attempted()
    this.#wakeWaiting()
  }

  /** Keeps the entry up to date until the session ends or the entry is withdrawn. */
  async #live(session: RegistrySession): Promise<void> {
    const ending = new AbortController()
    const ended = ending.signal
    const forget = this.#uplink.whenEnded(session, reason => {
      if (!this.#stopping.signal.aborted) this.#tenure.lost('expired', reason)
      this.#mustPause = true
      ending.abort(reason)
      this.#wake()
    })
    this.#entry.forget()
    const lookout = new EntryWatcher(this.#place, session, this)
    while (!ended.aborted && !this.#stopping.signal.aborted) await this.#step(session, lookout, ended)
    lookout.stop()
    // This session cannot remove an entry that another session keeps by now. So it first writes the entry again.
    if (!ended.aborted && this.#tenure.isHeld && this.#entry.isSomeoneElses) await this.#write(session, ended)
    const isGone =
      this.#entry.mayBeOurs && (await this.#place.remove(session, ended, () => this.#withdrawn()))
    forget()
    if (isGone) this.#tenure.withdrawn()
  }

  async #step(session: RegistrySession, lookout: EntryWatcher, ended: AbortSignal): Promise<void> {
    if (this.#mustPause) {
      this.#mustPause = false
      // The registry works, so the delay does not come from the back-off of its connection.
      return this.#losses.wait(undefined, this.#stopping.signal)
    }
    if (this.#isDue()) return this.#write(session, ended)
    if (this.#entry.isDoubtful) lookout.again()
    if (this.#isVisible()) this.#wakeWaiting()
    await new Promise<void>(resolve => (this.#wake = resolve))
  }

  async #write(session: RegistrySession, ended: AbortSignal): Promise<void> {
    const over = this.#entry.writing()
    const text = this.#metadata.toString()
    const audience = over?.by === 'us' ? this.#metadata.audience : 'all'
    try {
      // `withdraw` does not abort this write: an aborted write may leave an entry that is not removed.
      const version = await this.#place.write(session, text, over, audience, ended)
      this.#isFailing = false
      if (version !== undefined) this.#entry.written(text, version)
      else this.#entry.refused()
      this.#refusals = version === undefined ? this.#refusals + 1 : 0
      if (this.#refusals > FEW) this.#mustPause = true
      this.#judge()
    } catch (error) {
      this.#entry.unanswered(text)
      if (ended.aborted) return
      this.#isFailing = true
      this.failed(error as Error)
      const over = either(ended, this.#stopping.signal)
      await this.#uplink.backoff.wait(error, over.signal)
      over.release()
    }
  }

  #judge(): void {
    if (!this.#entry.isKnown) return
    if (this.#tenure.judge(this.#entry.there)) this.#mustPause = true
    if (this.#tenure.isHeld) this.#attempted()
  }

  /** Whether the registry holds something else than the wanted entry, and this server may replace it. */
  #isDue(): boolean {
    const { there, isKnown } = this.#entry
    if (!isKnown || !this.#tenure.mayReplace(there)) return false
    return there?.by !== 'us' || there.metadata !== this.#metadata.toString()
  }

  #isVisible(): boolean {
    return this.#entry.isKnown && this.#tenure.isHeld && !this.#isDue()
  }

  #wakeWaiting(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

/** The number of consecutive refusals that need no pause. */
const FEW = 3
