import type { Clock, Timer } from '../../clock.ts'
import { MAX_TIMER_MS } from '../../clock.ts'
import { RpcxError } from '../../errors.ts'
import { checkCount, checkKnown, checkMs } from '../../options.ts'
import { reasonOf } from '../../reason.ts'
import { endWith } from '../../signals.ts'

/** Options of `ready()`. */
export interface ReadyOptions {
  /** The number of servers to wait for. @default 1 */
  readonly servers?: number
  /** The maximum wait, in milliseconds; 0: no limit. @default 10_000 */
  readonly timeoutMs?: number
  /** Cancels the wait, which rejects with the reason of the signal. @default none */
  readonly signal?: AbortSignal
}

/** The callers that wait until a client knows enough servers. */
export class Readiness {
  readonly #clock: Clock
  readonly #service: string
  readonly #count: () => number
  readonly #waiting = new Set<Waiter>()
  #isClosed = false
  /** Why the list changes no more. */
  #ended: RpcxError | undefined

  /** @param count returns the number of servers now */
  constructor(clock: Clock, service: string, count: () => number) {
    this.#clock = clock
    this.#service = service
    this.#count = count
  }

  /** Resolves when there are at least `servers` servers. @throws as `XClient.ready` */
  async wait(options: ReadyOptions): Promise<void> {
    checkKnown('ready', options, OPTIONS)
    const { servers = 1, timeoutMs = 10_000, signal } = options
    checkCount('ready', 'servers', servers, 1)
    checkMs('ready', 'timeoutMs', timeoutMs)
    await this.until(
      () => this.#count() >= servers,
      () => this.#late(servers, timeoutMs),
      timeoutMs || Number.POSITIVE_INFINITY,
      [signal],
    )
  }

  /** Resolves when `isReady` returns `true`. Rejects with the reason of a signal, or with `late()` after `timeoutMs`. */
  async until(
    isReady: () => boolean,
    late: () => Error,
    timeoutMs: number,
    signals: readonly (AbortSignal | undefined)[],
  ): Promise<void> {
    let timer: Timer | undefined
    const releases: (() => void)[] = []
    let waiter: Waiter | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { isReady, resolve, reject }
        this.#waiting.add(waiter)
        // `setImmediate` lets a list that has already arrived be read before the wait fails.
        if (timeoutMs <= MAX_TIMER_MS)
          timer = this.#clock.setTimeout(() => setImmediate(() => reject(late())), timeoutMs)
        for (const signal of signals)
          if (signal !== undefined) releases.push(endWith({ fail: reject }, signal))
        if (this.#isClosed) this.close()
        else this.changed()
        if (this.#ended !== undefined) this.end(this.#ended)
      })
    } finally {
      this.#clock.clear(timer)
      for (const release of releases) release()
      if (waiter !== undefined) this.#waiting.delete(waiter)
    }
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0
  }

  /** Checks all waiting callers again, because the list has changed. */
  changed(): void {
    for (const { isReady, resolve } of this.#waiting) if (isReady()) resolve()
  }

  /** Fails all waiting callers, and later ones that would have to wait: the list changes no more. */
  end(why: RpcxError): void {
    this.#ended = why
    const error = new RpcxError(why.code, `${this.#service}: ${reasonOf(why)}`, { cause: why.cause })
    for (const { reject } of this.#waiting) reject(error)
  }

  close(): void {
    this.#isClosed = true
    const error = new RpcxError('ERR_RPCX_CLOSED', `${this.#service}: the client is closed`)
    for (const { reject } of this.#waiting) reject(error)
  }

  #late(servers: number, timeoutMs: number): RpcxError {
    const text = `${this.#service}: ${this.#count()} of ${servers} servers within ${timeoutMs} ms`
    return new RpcxError('ERR_RPCX_TIMEOUT', text)
  }
}

interface Waiter {
  isReady(): boolean
  resolve(): void
  reject(error: unknown): void
}

const OPTIONS: Readonly<Record<keyof ReadyOptions, true>> = { servers: true, timeoutMs: true, signal: true }
