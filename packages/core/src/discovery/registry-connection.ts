import { toError } from '../callbacks.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { limited } from '../limited.ts'
import { Semaphore } from '../semaphore.ts'
import { Backoff } from './backoff.ts'
import type { DiscoveryDriver, DiscoverySession, Driver } from './driver.ts'

/** The listener that learns whether the registry answers. */
export interface RegistryConnectionOwner {
  registryDown(error: Error): void
  registryBack(): void
}

/** The type of the sessions that a backend opens. */
type Opened<Backend extends DiscoveryDriver> = Awaited<ReturnType<Backend['open']>>

/**
 * A connection to a registry: a session that is opened when needed, and that all its users share. The connection never retries. Its users
 * retry, all with its back-off.
 */
export class RegistryConnection<Backend extends DiscoveryDriver = Driver> {
  readonly driver: Backend
  /** The clock of the discovery or the server. */
  readonly clock: Clock
  readonly backoff: Backoff
  /** Gives writes their turn. The time limit of a write begins with its turn, so that a thousand services can register at the same time. */
  readonly writes: Semaphore = new Semaphore(MOST_WRITES)
  readonly #owner: RegistryConnectionOwner
  readonly #closing = new AbortController()
  #session: Opened<Backend> | undefined
  #opening: Promise<Opened<Backend>> | undefined
  /** The listeners for the end of each session. They do not attach to the promise of the session, which outlives most of them. */
  readonly #endings = new WeakMap<DiscoverySession, Set<(reason: Error) => void>>()
  /** The users whose last operation failed. */
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

  /** The open session; `undefined` when there is none. */
  get opened(): Opened<Backend> | undefined {
    return this.#session
  }

  /** The most recent error, even if the registry has recovered since. */
  get lastError(): Error | undefined {
    return this.#lastError
  }

  /** Returns the open session, or makes one attempt to open one. @throws the error of the attempt; `ERR_RPCX_CLOSED` */
  async session(): Promise<Opened<Backend>> {
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason
    if (this.#session !== undefined) return this.#session
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** Calls `listener` with the reason when a session of this connection ends. Returns a function that removes the listener. */
  whenEnded(session: DiscoverySession, listener: (reason: Error) => void): () => void {
    const listeners = this.#endings.get(session)
    if (listeners === undefined) this.#hearEnd(session, listener)
    else listeners.add(listener)
    return () => void listeners?.delete(listener)
  }

  /** Records that an operation of `user` failed. */
  failed(error: Error, user: object): void {
    if (this.#closing.signal.aborted) return
    this.#lastError = error
    this.#failing.add(user)
    if (this.#isDown) return
    this.#isDown = true
    this.#owner.registryDown(error)
  }

  /** Records that an operation of `user` succeeded. The registry is back when the last operation of every user succeeded. */
  succeeded(user: object): void {
    this.#failing.delete(user)
    if (!this.#isDown || this.#failing.size > 0) return
    this.#isDown = false
    this.#owner.registryBack()
  }

  /** Ignores earlier failures of `user`, which no longer needs the registry. */
  left(user: object): void {
    this.#failing.delete(user)
  }

  /** Records how long the registry keeps our entries after it loses this connection. */
  keeps(ttlMs: number): void {
    this.backoff.keptMs = ttlMs
  }

  /** Closes the session, within `CLOSE_MS`. Entries that were not withdrawn disappear with the session, or when their TTL ends. */
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
        // The caller no longer waits, and an open session would stay without an owner.
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

  /** Calls `listener` when the session ends, even if the driver rejects where it should resolve. */
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

  /** Closes a session and ignores errors, because the registry forgets the session when its TTL ends. */
  async #closeSession(session: DiscoverySession): Promise<void> {
    const what = `${this.driver.name}: close`
    await limited(this.clock, what, CLOSE_MS, undefined, signal => session.close(signal)).catch(ignore)
  }
}

// Enough to keep a registry busy.
const MOST_WRITES = 16
// Less than `serve()` waits, so that it gets this error.
const OPEN_MS = 8_000
// Less than the 5 s that `close()` may take in total.
const CLOSE_MS = 4_500

function ignore(): void {}
