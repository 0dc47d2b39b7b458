import type { Call, Wanted } from './call.ts'
import type { CallOptions } from './call-options.ts'
import type { Caller } from './caller.ts'

/** When a second copy of a call is sent: after so many milliseconds, or when it takes longer than this percentage of calls do. */
export type BackupAfter = { readonly ms: number } | { readonly percentile: number }

/**
 * Calls of which a second copy goes to another server when the first takes long (hedged requests: Dean and Barroso, The Tail at
 * Scale, 2013). The first success wins, and the other copy is given up. Only for calls that are idempotent.
 */
export class Backup {
  readonly #caller: Caller
  readonly #after: BackupAfter
  readonly #byMethod = new Map<string, Durations>()

  constructor(caller: Caller, after: BackupAfter) {
    this.#caller = caller
    this.#after = after
  }

  call(method: string, args: unknown, wanted: Wanted, options: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const durations = this.#durations(method)
      const start = performance.now()
      let underWay = 1
      const won = (copies: readonly Call[], value: unknown): void => {
        clearTimeout(timer)
        durations.add(performance.now() - start)
        resolve(value)
        // Whoever waits has the answer; this only lets go of the other one.
        for (const copy of copies) copy.fail(undefined)
      }
      const lost = (error: unknown): void => {
        if (--underWay > 0) return
        clearTimeout(timer)
        reject(error)
      }
      const copies: Call[] = []
      const copy = (rest: CallOptions): Call => {
        const made = this.#caller.make(method, args, wanted, rest)
        made.result.then(value => won(copies, value), lost)
        copies.push(made)
        return made
      }
      const first = copy(options)
      const timer = setTimeout(() => {
        if (!this.#caller.dispatcher.mayBackUp(first)) return
        const left = first.deadline - performance.now()
        let second: Call
        try {
          second = copy(Number.isFinite(left) ? { ...options, timeoutMs: Math.max(left, 1) } : options)
        } catch {
          // Its time is over, or its client is closed: the first copy is told so, too.
          return
        }
        underWay++
        second.encoded = first.encoded
        second.avoid(first)
        this.#caller.start(second)
      }, this.#afterMs(durations)).unref()
      this.#caller.start(first)
    })
  }

  #durations(method: string): Durations {
    let durations = this.#byMethod.get(method)
    if (durations === undefined) {
      durations = new Durations()
      this.#byMethod.set(method, durations)
    }
    return durations
  }

  #afterMs(durations: Durations): number {
    return 'ms' in this.#after ? this.#after.ms : durations.percentile(this.#after.percentile)
  }
}

/** How long the newest calls of a method took. */
class Durations {
  readonly #newest = new Float64Array(KEPT)
  #count = 0
  #sorted: Float64Array = this.#newest.slice(0, 0)

  add(ms: number): void {
    this.#newest[this.#count++ % KEPT] = ms
    if (this.#count % SORT_EVERY === 0)
      this.#sorted = this.#newest.slice(0, Math.min(this.#count, KEPT)).sort()
  }

  percentile(percentile: number): number {
    const at = Math.floor((this.#sorted.length * percentile) / 100)
    return this.#sorted[Math.min(at, this.#sorted.length - 1)] ?? UNKNOWN_MS
  }
}

const KEPT = 256
const SORT_EVERY = 32
// As in Go, as long as nothing is known (DefaultOption.BackupLatency in client/client.go).
const UNKNOWN_MS = 10
