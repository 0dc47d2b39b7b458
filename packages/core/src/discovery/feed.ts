import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { checkKnown } from '../options.ts'
import { endWith } from '../signals.ts'
import type { Endpoints, WaitOptions } from './discovery.ts'

/** The newest list of one service, and the readers that wait for the next one. */
export class Feed {
  readonly #clock: Clock
  readonly #name: string
  /** Returns why there is no list yet, for the error after a timeout. */
  readonly #why: () => Error | undefined
  readonly #waiting = new Set<() => void>()
  #current: Endpoints | undefined
  #closed = false

  /** @param name the registry and the service, for errors: `etcd: Arith` */
  constructor(clock: Clock, name: string, why: () => Error | undefined = () => undefined) {
    this.#clock = clock
    this.#name = name
    this.#why = why
  }

  get current(): Endpoints | undefined {
    return this.#current
  }

  publish(endpoints: Endpoints): void {
    this.#current = endpoints
    this.#wake()
  }

  /** Ends every `watch`, and rejects every pending `list`. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  async list(options: WaitOptions = {}): Promise<Endpoints> {
    for await (const endpoints of this.watch(options)) return endpoints
    options.signal?.throwIfAborted()
    throw new RpcxError('ERR_RPCX_CLOSED', `${this.#name}: the discovery is closed`)
  }

  async *watch(options: WaitOptions = {}): AsyncGenerator<Endpoints, void, undefined> {
    checkKnown(this.#name, options, OPTIONS)
    const { signal, timeoutMs } = options
    let seen: Endpoints | undefined
    while (!this.#closed && !signal?.aborted) {
      if (this.#current !== seen) {
        seen = this.#current
        if (seen !== undefined) yield seen
        continue
      }
      const inTime = await this.#changed(signal, seen === undefined ? timeoutMs : undefined)
      if (!inTime) {
        throw new RpcxError('ERR_RPCX_REGISTRY', `${this.#name}: no list within ${timeoutMs} ms`, {
          cause: this.#why(),
        })
      }
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }

  /** Waits until something changes. Resolves to `false` if `timeoutMs` ends first. */
  #changed(signal: AbortSignal | undefined, timeoutMs: number | undefined): Promise<boolean> {
    return new Promise(resolve => {
      const done = (inTime: boolean): void => {
        this.#clock.clear(timer)
        release?.()
        this.#waiting.delete(wake)
        resolve(inTime)
      }
      const wake = (): void => done(true)
      const late = (): void => done(false)
      const timer = timeoutMs === undefined ? undefined : this.#clock.setTimeout(late, timeoutMs)
      this.#waiting.add(wake)
      const release = signal && endWith({ fail: wake }, signal)
    })
  }
}

const OPTIONS: Readonly<Record<keyof WaitOptions, true>> = { signal: true, timeoutMs: true }
