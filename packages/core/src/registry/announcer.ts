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
 * Keeps one entry in a registry as its server wants it: writes it whenever another is there than should be. One loop does
 * all of it, so that a write, a loss and the withdrawal never race.
 */
export class Announcer implements EntryWatcherOwner {
  /** Resolves or rejects as the first attempt does. */
  readonly firstAttempt: Promise<void>
  /** Resolves when nothing more is done here: the entry is gone, or left to its TTL. */
  readonly done: Promise<void>
  readonly #place: EntryRef
  readonly #uplink: RegistryConnection
  readonly #metadata: AnnouncedMetadata
  readonly #entry: EntryState
  readonly #tenure: Ownership
  readonly #losses: Backoff
  readonly #stopping = new AbortController()
  /** Those who wait until others can see it. */
  readonly #waiting = new Set<() => void>()
  /** While the entry before it is not gone. */
  #isWaiting = true
  /** Whether the next step has to wait a little. */
  #mustPause = false
  /** Whether the last write failed, and is still due: what can be read then does not mean that the registry is back. */
  #isFailing = false
  /** How many writes in a row found something else there. */
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

  /** Resolves when others can see it. @throws `ERR_RPCX_REGISTRY` when that takes too long; it is still written later */
  setMetadata(text: string): Promise<void> {
    this.#metadata.set(text)
    this.#wake()
    return this.#place.within('setMetadata', this.#stopping.signal, () => this.visible())
  }

  /** Writes new figures. */
  measure(metrics: Metrics): void {
    this.#metadata.measure(metrics)
    this.#wake()
  }

  /** Resolves when the registry holds what it should, or nothing is wanted of it any more. */
  visible(): Promise<void> {
    if (this.#isVisible() || this.#stopping.signal.aborted) return Promise.resolve()
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  /** Resolves when the entry is gone, or could not be taken out at once; then it is tried again for as long as it is held. */
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

  /** Keeps the entry as it should be until the session has ended, or the entry is withdrawn. */
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
    // What somebody else keeps by now could not be taken out, and would stay for as long as they do.
    if (!ended.aborted && this.#tenure.isHeld && this.#entry.isSomeoneElses) await this.#write(session, ended)
    const isGone =
      this.#entry.mayBeOurs && (await this.#place.remove(session, ended, () => this.#withdrawn()))
    forget()
    if (isGone) this.#tenure.withdrawn()
  }

  async #step(session: RegistrySession, lookout: EntryWatcher, ended: AbortSignal): Promise<void> {
    if (this.#mustPause) {
      this.#mustPause = false
      // This is no failure of the registry, which is there to be asked.
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
      // Not ended by `withdraw`: what was written meanwhile could then not be removed.
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

  /** Whether something else is there than should be, and we may change that. */
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

/** How many refusals in a row need no pause. */
const FEW = 3
