import { toError } from '../callbacks.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { limited } from '../limited.ts'
import { Backoff } from './backoff.ts'
import type { DiscoveryDriver, DiscoverySession, Driver } from './driver.ts'

/** Who hears whether the registry answers. */
export interface RegistryConnectionOwner {
  registryDown(error: Error): void
  registryBack(): void
}

/** What a backend opens. */
type Opened<Backend extends DiscoveryDriver> = Awaited<ReturnType<Backend['open']>>

/**
 * One connection to a registry: a session, opened when it is needed and shared by all that need it. It never retries; those
 * who need it do, together, by its back-off.
 */
export class RegistryConnection<Backend extends DiscoveryDriver = Driver> {
  readonly driver: Backend
  /** That of its discovery or its server. */
  readonly clock: Clock
  readonly backoff: Backoff
  readonly #owner: RegistryConnectionOwner
  readonly #closing = new AbortController()
  #session: Opened<Backend> | undefined
  #opening: Promise<Opened<Backend>> | undefined
  /** Who hears of the end of a session. The session outlives most of them, so none of them hangs on its promise. */
  readonly #endings = new WeakMap<DiscoverySession, Set<(reason: Error) => void>>()
  /** Whose last operation failed. */
  readonly #failing = new Set<object>()
  #isDown = false
  #lastError: Error | undefined

  constructor(
    driver: Backend,
    owner: RegistryConnectionOwner,
    clock: Clock,
    backoff: Backoff = new Backoff(clock),
  ) {
    this.driver = driver
    this.clock = clock
    this.backoff = backoff
    this.#owner = owner
  }

  /** Aborts when `close()` is called. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** The session, as long as one is open. */
  get opened(): Opened<Backend> | undefined {
    return this.#session
  }

  /** What went wrong last, also when it has healed. */
  get lastError(): Error | undefined {
    return this.#lastError
  }

  /** The session that is open, or one attempt to open one. @throws what the attempt failed with; `ERR_RPCX_CLOSED` */
  async session(): Promise<Opened<Backend>> {
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason
    if (this.#session !== undefined) return this.#session
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** Has `listener` called with the reason when a session of this uplink ends, until the returned function is called. */
  whenEnded(session: DiscoverySession, listener: (reason: Error) => void): () => void {
    const listeners = this.#endings.get(session)
    if (listeners === undefined) this.#hearEnd(session, listener)
    else listeners.add(listener)
    return () => void listeners?.delete(listener)
  }

  /** Something that `user` did through the registry failed. */
  failed(error: Error, user: object): void {
    if (this.#closing.signal.aborted) return
    this.#lastError = error
    this.#failing.add(user)
    if (this.#isDown) return
    this.#isDown = true
    this.#owner.registryDown(error)
  }

  /** Something that `user` did through the registry succeeded. The registry is back once that is so for all. */
  succeeded(user: object): void {
    this.#failing.delete(user)
    if (!this.#isDown || this.#failing.size > 0) return
    this.#isDown = false
    this.#owner.registryBack()
  }

  /** `user` needs the registry no longer, so what failed there does not count any more. */
  left(user: object): void {
    this.#failing.delete(user)
  }

  /** Something is there that lives on without us for so long. */
  keeps(ttlMs: number): void {
    this.backoff.keptMs = ttlMs
  }

  /** Ends the session, within `CLOSE_MS`. What was not withdrawn before goes with it, or by its TTL. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new RpcxError('ERR_RPCX_CLOSED', `${this.driver.name}: closed`))
    await this.#opening?.catch(ignore)
    const session = this.#session
    this.#session = undefined
    if (session !== undefined) await this.#closeSession(session)
  }

  async #open(): Promise<Opened<Backend>> {
    const { clock, driver } = this
    try {
      const what = `${driver.name}: open`
      const session = await limited(clock, what, OPEN_MS, this.#closing.signal, async signal => {
        const opened = (await driver.open(signal, clock)) as Opened<Backend>
        // Nobody waits for it any more: it would live on without an owner.
        if (signal.aborted) void this.#closeSession(opened)
        return opened
      })
      if (this.#closing.signal.aborted) {
        await this.#closeSession(session)
        throw this.#closing.signal.reason
      }
      this.#session = session
      this.#endings.set(session, new Set())
      this.#hearEnd(session, reason => this.#ended(session, reason))
      return session
    } finally {
      this.#opening = undefined
    }
  }

  /** A driver may reject where it should resolve. */
  #hearEnd(session: DiscoverySession, listener: (reason: Error) => void): void {
    session.ended.then(listener, thrown => listener(toError(thrown, `${this.driver.name}: ended`)))
  }

  #ended(session: Opened<Backend>, reason: Error): void {
    const listeners = this.#endings.get(session)
    this.#endings.delete(session)
    for (const listener of listeners ?? []) listener(reason)
    if (this.#session !== session) return
    this.#session = undefined
    this.keeps(0)
    this.#lastError = reason
    void this.#closeSession(session)
  }

  /** An error of the goodbye helps nobody: the registry forgets the session by its TTL. */
  async #closeSession(session: DiscoverySession): Promise<void> {
    const what = `${this.driver.name}: close`
    await limited(this.clock, what, CLOSE_MS, undefined, signal => session.close(signal)).catch(ignore)
  }
}

// Below the time that `serve()` waits, so that it hears of the failure.
const OPEN_MS = 8_000
// Below the 5 s that a close may take in all.
const CLOSE_MS = 4_500

function ignore(): void {}
