import type { Clock, Timer } from '../../clock.ts'
import { MAX_TIMER_MS } from '../../clock.ts'
import { RpcxError } from '../../errors.ts'
import { checkCount, checkMs } from '../../options.ts'
import { endWith } from '../../signals.ts'

/** What `ready()` waits for. */
export interface ReadyOptions {
  /** How many servers. @default 1 */
  readonly servers?: number
  /** How long to wait, in milliseconds; 0: without end. @default 10_000 */
  readonly timeoutMs?: number
  /** Ends the wait, which rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal
}

/** Who waits until a client knows enough servers. */
export class Readiness {
  readonly #clock: Clock
  readonly #service: string
  readonly #count: () => number
  readonly #waiting = new Set<Waiter>()
  #isClosed = false

  /** @param count how many servers there are now */
  constructor(clock: Clock, service: string, count: () => number) {
    this.#clock = clock
    this.#service = service
    this.#count = count
  }

  /** Resolves when there are enough servers. */
  async wait({ servers = 1, timeoutMs = 10_000, signal }: ReadyOptions): Promise<void> {
    checkCount('ready', 'servers', servers, 1)
    checkMs('ready', 'timeoutMs', timeoutMs)
    await this.until(
      () => this.#count() >= servers,
      () => this.#late(servers, timeoutMs),
      timeoutMs || Number.POSITIVE_INFINITY,
      [signal],
    )
  }

  /** Resolves when the list of servers is as wanted. Rejects with the reason of a signal, or when so much time has passed. */
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
        // A list that can be read by then is no late one.
        if (timeoutMs <= MAX_TIMER_MS)
          timer = this.#clock.setTimeout(() => setImmediate(() => reject(late())), timeoutMs)
        for (const signal of signals)
          if (signal !== undefined) releases.push(endWith({ fail: reject }, signal))
        if (this.#isClosed) this.close()
        else this.changed()
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

  /** There may be more servers now. */
  changed(): void {
    for (const { isReady, resolve } of this.#waiting) if (isReady()) resolve()
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
