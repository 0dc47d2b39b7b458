import type { Clock } from '../../clock.ts'
import { MAX_TIMER_MS } from '../../clock.ts'
import type { HedgingDelay } from '../policy/fail-policy.ts'
import type { Call, Wanted } from './call.ts'
import type { CallOptions } from './call-options.ts'
import type { Caller } from './caller.ts'

/**
 * Sends a second copy of a slow call to another server (hedged requests: Dean and Barroso, The Tail at Scale, 2013). The first success
 * wins, and the other copy is cancelled. Only for idempotent calls.
 */
export class Hedging {
  readonly #clock: Clock
  readonly #caller: Caller
  readonly #delay: HedgingDelay

  constructor(clock: Clock, caller: Caller, delay: HedgingDelay) {
    this.#clock = clock
    this.#caller = caller
    this.#delay = delay
  }

  call(method: string, args: unknown, wanted: Wanted, options: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const clock = this.#clock
      const start = clock.now()
      let underWay = 1
      const won = (copies: readonly Call[], value: unknown): void => {
        clock.clear(timer)
        this.#delay.succeeded?.(method, clock.now() - start)
        resolve(value)
        // The caller already has the reply. This only ends the other copy, whose error has no effect.
        for (const copy of copies) copy.fail(undefined)
      }
      const lost = (error: unknown): void => {
        if (--underWay > 0) return
        clock.clear(timer)
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
      const hedge = (): void => {
        if (!this.#caller.dispatcher.mayHedge(first)) return
        const left = first.deadline - clock.now()
        let second: Call
        try {
          second = copy(Number.isFinite(left) ? { ...options, timeoutMs: Math.max(left, 1) } : options)
        } catch {
          // The deadline has passed or the client is closed: the first copy fails for the same reason.
          return
        }
        underWay++
        second.encoded = first.encoded
        second.avoid(first)
        this.#caller.start(second)
      }
      const delayMs = this.#delay.delayMs(method)
      const timer = delayMs <= MAX_TIMER_MS ? clock.setTimeout(hedge, delayMs).unref() : undefined
      this.#caller.start(first)
    })
  }
}
