import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Discovery, Endpoints } from '@rpcx/core'
import { isRpcxError, XClient } from '@rpcx/core'

interface Arith {
  Mul(args: { A: number; B: number }): { C: number }
}

/** Makes many concurrent calls, and counts the results. */
export class Load implements AsyncDisposable {
  failed = 0
  readonly #discovery: Discovery
  readonly #client: XClient<Arith>
  /** How long each of the loops takes for one call, at least. */
  readonly #pauseMs: number
  readonly #startedAt = performance.now()
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[]
  /** The number of calls by server, in total and since the last status. */
  readonly #calls = new Map<string, { all: number; recent: number }>()
  readonly #errors = new Map<string, number>()
  #endpoints: Endpoints = []
  #made = 0
  #statusAt = performance.now()
  #slowestMs = 0

  /** @param rate the most calls per second; 0 for as many as possible */
  constructor(discovery: Discovery, concurrency: number, rate: number) {
    this.#discovery = discovery
    // A multiplication may run twice.
    this.#client = new XClient('Arith', discovery, { failMode: 'failover', idempotent: true })
    this.#pauseMs = rate === 0 ? 0 : (concurrency * 1_000) / rate
    // Each loop waits with this signal.
    setMaxListeners(0, this.#stopping.signal)
    void this.#follow()
    this.#loops = Array.from({ length: concurrency }, () => this.#loop())
  }

  /** Resolves `ms` after the start. */
  until(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, Math.max(0, this.#startedAt + ms - performance.now()))
      const abort = (): void => {
        clearTimeout(timer)
        resolve()
      }
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  /** Returns whether the client has the server in its list. */
  lists(address: string): boolean {
    return this.#endpoints.some(endpoint => endpoint.address === address)
  }

  /** Returns one line for all servers, then one for each server. */
  status(): string[] {
    const seconds = (performance.now() - this.#statusAt) / 1_000
    this.#statusAt = performance.now()
    const listed = new Set(this.#endpoints.map(endpoint => endpoint.address))
    const recent = [...this.#calls.values()].reduce((sum, calls) => sum + calls.recent, 0)
    const lines = [
      `${this.#clock()}  ${count(this.#made)} calls  ${count(recent / seconds)}/s  ${this.failed} failed  ${listed.size} endpoints`,
    ]
    for (const [address, calls] of [...this.#calls].sort()) {
      const state = !listed.has(address) ? 'not listed' : calls.recent === 0 ? 'silent' : ''
      lines.push(
        `${address.padEnd(24)} ${count(calls.all).padStart(9)} calls ${count(calls.recent / seconds).padStart(8)}/s  ${state}`,
      )
      calls.recent = 0
    }
    return lines
  }

  summary(): string[] {
    const perSecond = this.#made / ((performance.now() - this.#startedAt) / 1_000)
    const lines = [
      `${count(this.#made)} calls made, ${this.failed} failed, ${count(perSecond)}/s, slowest ${this.#slowestMs.toFixed(0)} ms`,
    ]
    for (const [address, calls] of [...this.#calls].sort())
      lines.push(`  ${address}  ${count(calls.all)} calls`)
    for (const [text, times] of this.#errors) lines.push(`  ${times} × ${text}`)
    return lines
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#loops)
    await this.#client.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #follow(): Promise<void> {
    for await (const endpoints of this.#discovery.watch('Arith', { signal: this.#stopping.signal })) {
      this.#endpoints = endpoints
      for (const { address } of endpoints) {
        if (!this.#calls.has(address)) this.#calls.set(address, { all: 0, recent: 0 })
      }
    }
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const startedAt = performance.now()
      this.#made++
      try {
        const { reply, endpoint } = await this.#client.invoke('Mul', { A: 10, B: 20 })
        if (reply.C !== 200) throw new Error(`10 × 20 = ${reply.C}`)
        const calls = this.#calls.get(endpoint)
        if (calls !== undefined) {
          calls.all++
          calls.recent++
        }
      } catch (error) {
        this.failed++
        const text = isRpcxError(error) ? error.code : String(error)
        this.#errors.set(text, (this.#errors.get(text) ?? 0) + 1)
      }
      const tookMs = performance.now() - startedAt
      this.#slowestMs = Math.max(this.#slowestMs, tookMs)
      const { signal } = this.#stopping
      if (tookMs < this.#pauseMs) await sleep(this.#pauseMs - tookMs, undefined, { signal }).catch(() => {})
    }
  }

  #clock(): string {
    return `${((performance.now() - this.#startedAt) / 1_000).toFixed(1).padStart(5)} s`
  }
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en')
}
