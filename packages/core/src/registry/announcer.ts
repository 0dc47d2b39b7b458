import { Backoff } from '../discovery/backoff.ts'
import type { Announcement, Holder } from '../discovery/driver.ts'
import type { Uplink } from '../discovery/uplink.ts'
import { isRpcxError, RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import { limited } from '../limited.ts'
import type { Metrics } from '../server/meters.ts'
import type { ServerEvents } from '../server/plugin.ts'
import { AnnouncedMetadata } from './announced-metadata.ts'

/**
 * Keeps one entry in a registry as its server wants it, from `claim` to `withdraw`. One loop does all of it, so that an
 * update, a loss and the withdrawal never race.
 */
export class Announcer {
  /** Resolves or rejects as the first attempt does. */
  readonly firstAttempt: Promise<void>
  /** Resolves when nothing more is done here: the entry is gone, or left to its TTL. */
  readonly done: Promise<void>
  readonly #service: string
  readonly #address: string
  readonly #uplink: Uplink
  readonly #events: Events<ServerEvents>
  readonly #metadata: AnnouncedMetadata
  readonly #stopping = new AbortController()
  /** While the entry before it is not gone. */
  #isWaiting = true
  /** Settles `withdraw()`. */
  #withdrawn: () => void = () => {}
  /** Aborts when the session that holds the entry has ended. */
  #ended: AbortSignal = AbortSignal.abort()
  readonly #waiting = new Set<() => void>()
  /** What the registry holds of us; `undefined` while it holds nothing that we know of. */
  #current: string | undefined
  readonly #losses = new Backoff()
  #audience: 'all' | 'metrics' = 'metrics'
  /** Whether the registry has confirmed the entry; `#current` is there before. */
  #isHeld = false
  #isWriting = false
  /** What others wrote while an update of ours was under way. */
  #crossed: string | undefined
  /** What we wrote and had no answer to: found there, it is no edit by others. */
  readonly #unanswered = new Set<string>()
  /** Whether an announcement had no answer: the entry may be there. */
  #isDoubtful = false
  #loss: Error | undefined
  /** Which announcement counts: an earlier one may still tell of its end. */
  #life = 0
  #wake: () => void = () => {}

  constructor(
    service: string,
    address: string,
    metadata: string,
    uplink: Uplink,
    events: Events<ServerEvents>,
    after: Promise<void> = Promise.resolve(),
  ) {
    this.#service = service
    this.#address = address
    this.#uplink = uplink
    this.#events = events
    this.#metadata = new AnnouncedMetadata(metadata)
    let settle: (error?: unknown) => void = () => {}
    this.firstAttempt = new Promise((resolve, reject) => {
      settle = error => (error === undefined ? resolve() : reject(error))
    })
    this.firstAttempt.catch(() => {})
    this.done = after.then(() => this.#run(settle))
  }

  /** Resolves when others can see it. @throws `ERR_RPCX_REGISTRY` when that takes too long; it is still written later */
  setMetadata(text: string): Promise<void> {
    this.#metadata.set(text)
    this.#audience = 'all'
    this.#wake()
    return limited(this.#name('setMetadata'), OPERATION_MS, this.#stopping.signal, () => this.visible())
  }

  /** Writes new figures. */
  measure(metrics: Metrics): void {
    this.#metadata.measure(metrics)
    this.#wake()
  }

  /** Resolves when the registry holds what it should, or nothing is wanted of it any more. */
  visible(): Promise<void> {
    if ((this.#isHeld && this.#isVisible()) || this.#stopping.signal.aborted) return Promise.resolve()
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  /** Resolves when the entry is gone, or could not be taken out at once; then it is tried again for as long as it is held. */
  withdraw(): Promise<void> {
    this.#stopping.abort(new RpcxError('ERR_RPCX_CLOSED', `${this.#name('withdrawn')}`))
    this.#wake()
    if (this.#isWaiting) return Promise.resolve()
    return Promise.race([this.done, new Promise<void>(resolve => (this.#withdrawn = resolve))])
  }

  async #run(settle: (error?: unknown) => void): Promise<void> {
    this.#isWaiting = false
    const { signal } = this.#stopping
    let mode: 'claim' | 'restore' = 'claim'
    let isConflict = false
    while (!signal.aborted || (this.#isDoubtful && !this.#uplink.closing.aborted)) {
      const until = signal.aborted ? this.#uplink.closing : signal
      try {
        // What may be there and is no longer wanted is announced once more, to be withdrawn.
        const announcement = await this.#announce(signal.aborted ? 'restore' : mode, until)
        mode = 'restore'
        isConflict = false
        settle()
        const held = new AbortController()
        void this.#watch(announcement, held.signal)
        this.#isHeld = true
        await this.#hold(announcement).finally(() => {
          this.#isHeld = false
          held.abort()
        })
      } catch (cause) {
        const error = cause as Error
        settle(error)
        if (signal.aborted) this.#withdrawn()
        if (isRpcxError(error, 'ERR_RPCX_CONFLICT')) {
          if (!isConflict) this.#events.emit('conflict', { ...this.#subject, error })
          isConflict = true
          this.#isDoubtful = false
        } else if (!isRpcxError(error, 'ERR_RPCX_LOST')) {
          this.#uplink.failed(error)
        }
        // A loss says nothing of the registry, which is there to be asked.
        const backoff = isRpcxError(error, 'ERR_RPCX_LOST') ? this.#losses : this.#uplink.backoff
        await backoff.wait(error, until)
      }
    }
    settle()
    this.#wakeWaiting()
  }

  async #announce(mode: 'claim' | 'restore', until: AbortSignal): Promise<Announcement> {
    const session = await limited(this.#name('session'), SESSION_MS, until, () => this.#uplink.session())
    const metadata = this.#metadata.toString()
    const entry = { service: this.#service, address: this.#address, metadata }
    const life = ++this.#life
    const holder: Holder = {
      changed: theirs => this.#changed(life, theirs),
      lost: (why, error) => this.#lost(life, why, error),
    }
    this.#loss = undefined
    this.#metadata.written(metadata)
    // Before the answer, since a change by others may be told as soon as the entry is there.
    this.#current = metadata
    this.#isDoubtful = true
    try {
      // Not ended by `withdraw`: what was written meanwhile could then not be removed.
      const announcement = await limited(this.#name('announce'), OPERATION_MS, undefined, signal =>
        session.announce(entry, mode, holder, signal),
      )
      this.#isDoubtful = false
      const ended = new AbortController()
      this.#ended = ended.signal
      void session.ended.then(reason => {
        ended.abort()
        this.#lost(life, 'expired', reason)
      })
      this.#uplink.succeeded()
      this.#events.emit('registered', this.#subject)
      return announcement
    } catch (error) {
      this.#current = undefined
      throw error
    }
  }

  #changed(life: number, theirs: string): void {
    if (life !== this.#life || this.#current === undefined) return
    // Only the answer tells whether ours came before it, and so what they began from.
    if (this.#isWriting) this.#crossed = theirs
    else this.#edited(theirs)
  }

  #edited(theirs: string): void {
    if (this.#unanswered.has(theirs)) this.#metadata.written(theirs)
    else this.#metadata.edited(theirs)
    this.#unanswered.clear()
    this.#current = theirs
    this.#audience = 'all'
    this.#wake()
  }

  #lost(life: number, why: 'deleted' | 'expired' | 'taken', error: Error): void {
    if (life !== this.#life || this.#current === undefined) return
    this.#loss = error
    this.#current = undefined
    this.#events.emit('lost', { ...this.#subject, why, error })
    this.#wake()
  }

  /** Keeps the entry as it should be until it is lost, which rejects, or withdrawn. */
  async #hold(announcement: Announcement): Promise<void> {
    for (;;) {
      if (this.#loss !== undefined) {
        throw new RpcxError('ERR_RPCX_LOST', `${this.#name('lost')}: ${this.#loss.message}`, {
          cause: this.#loss,
        })
      }
      if (this.#stopping.signal.aborted) {
        await this.#withdraw(announcement)
        return
      }
      if (!this.#isVisible()) {
        await this.#update(announcement)
        continue
      }
      this.#audience = 'metrics'
      this.#wakeWaiting()
      await this.#woken()
    }
  }

  /** Has the driver look after the entry for as long as it is held, through every disconnect. */
  async #watch(announcement: Announcement, signal: AbortSignal): Promise<void> {
    while (announcement.watch !== undefined && !signal.aborted) {
      let failure: unknown
      try {
        await announcement.watch(signal, () => this.#uplink.succeeded())
      } catch (error) {
        failure = error
        if (!signal.aborted) this.#uplink.failed(error as Error)
      }
      // Also a driver that stops early without an error is not asked again at once.
      if (!signal.aborted) await this.#uplink.backoff.wait(failure, signal)
    }
  }

  async #update(announcement: Announcement): Promise<void> {
    const expected = this.#current as string
    const next = this.#metadata.toString()
    try {
      const written = await this.#write(announcement, expected, next)
      if (!written && this.#current === expected && this.#loss === undefined) {
        // Someone else wrote; the driver is about to say what.
        await limited(this.#name('changed'), OPERATION_MS, this.#stopping.signal, () => this.#woken())
      }
      this.#uplink.succeeded()
    } catch (error) {
      if (this.#loss !== undefined || this.#stopping.signal.aborted) return
      this.#uplink.failed(error as Error)
      await Promise.race([this.#uplink.backoff.wait(error, this.#stopping.signal), this.#woken()])
    }
  }

  async #write(announcement: Announcement, expected: string, next: string): Promise<boolean> {
    this.#isWriting = true
    try {
      const written = await limited(this.#name('update'), OPERATION_MS, undefined, () =>
        announcement.update(expected, next, this.#audience),
      )
      if (written && this.#current === expected) {
        this.#metadata.written(next)
        this.#unanswered.clear()
        this.#current = next
      }
      return written
    } catch (error) {
      this.#unanswered.add(next)
      throw error
    } finally {
      this.#isWriting = false
      const crossed = this.#crossed
      this.#crossed = undefined
      if (crossed !== undefined && this.#current !== undefined) this.#edited(crossed)
    }
  }

  /** Left alone, the entry would be there for as long as this server lives. */
  async #withdraw(announcement: Announcement): Promise<void> {
    this.#current = undefined
    const over = AbortSignal.any([this.#ended, this.#uplink.closing])
    while (!over.aborted) {
      try {
        await limited(this.#name('withdraw'), WITHDRAW_MS, undefined, signal => announcement.withdraw(signal))
        this.#uplink.succeeded()
        this.#events.emit('withdrawn', this.#subject)
        return
      } catch (error) {
        this.#uplink.failed(error as Error)
        this.#withdrawn()
        await this.#uplink.backoff.wait(error, over)
      }
    }
  }

  #isVisible(): boolean {
    return this.#current !== undefined && this.#current === this.#metadata.toString()
  }

  #woken(): Promise<void> {
    return new Promise(resolve => (this.#wake = resolve))
  }

  #wakeWaiting(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  get #subject(): { registry: string; service: string; address: string } {
    return { registry: this.#uplink.driver.name, service: this.#service, address: this.#address }
  }

  #name(what: string): string {
    return `${this.#uplink.driver.name}: ${what} ${this.#service} at ${this.#address}`
  }
}

// The uplink gives up sooner, and says why.
const SESSION_MS = 15_000
const OPERATION_MS = 5_000
const WITHDRAW_MS = 4_000
