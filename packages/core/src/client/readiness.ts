import { RpcxError } from '../errors.ts'
import { checkCount, checkMs } from '../options.ts'
import { endWith } from '../signals.ts'

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
  readonly #service: string
  readonly #count: () => number
  readonly #waiting = new Set<Waiter>()
  #isClosed = false

  /** @param count how many servers there are now */
  constructor(service: string, count: () => number) {
    this.#service = service
    this.#count = count
  }

  async wait({ servers = 1, timeoutMs = 10_000, signal }: ReadyOptions): Promise<void> {
    checkCount('ready', 'servers', servers, 1)
    checkMs('ready', 'timeoutMs', timeoutMs)
    let timer: NodeJS.Timeout | undefined
    let release: (() => void) | undefined
    let waiter: Waiter | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { servers, resolve, reject }
        this.#waiting.add(waiter)
        if (timeoutMs > 0) timer = setTimeout(() => reject(this.#late(servers, timeoutMs)), timeoutMs)
        release = signal && endWith({ fail: reject }, signal)
        if (this.#isClosed) this.close()
        else this.changed()
      })
    } finally {
      clearTimeout(timer)
      release?.()
      if (waiter !== undefined) this.#waiting.delete(waiter)
    }
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0
  }

  /** There may be more servers now. */
  changed(): void {
    if (this.#waiting.size === 0) return
    const count = this.#count()
    for (const { servers, resolve } of this.#waiting) if (count >= servers) resolve()
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
  readonly servers: number
  resolve(): void
  reject(error: unknown): void
}
