import { hostOf } from './address-list.ts'
import type { CallContext } from './context.ts'

/** How many calls a server takes. */
export interface RateLimitOptions {
  /** Calls a second that each bucket allows in the long run. */
  readonly callsPerSecond: number
  /** Calls that may come at once after a pause. @default callsPerSecond, and at least 1 */
  readonly burst?: number
  /** Whose calls share a bucket: those of a service, those from a host, or those for which a function says the same. @default 'service' */
  readonly by?: 'service' | 'caller' | ((call: CallContext) => string)
}

/** A token bucket for each service or caller. Costs one number for each, and nothing for those that were quiet for a while. */
export class RateLimit {
  readonly #by: (call: CallContext) => string
  readonly #everyMs: number
  readonly #slackMs: number
  /** When the bucket will be full again, by `performance.now()`. */
  readonly #fullAt = new Map<string, number>()

  /** @throws RangeError or TypeError that names the option */
  constructor({ callsPerSecond, burst = Math.max(callsPerSecond, 1), by = 'service' }: RateLimitOptions) {
    checkPositive('callsPerSecond', callsPerSecond, Number.MIN_VALUE)
    checkPositive('burst', burst, 1)
    if (typeof by !== 'function' && !(by in keys)) {
      throw new TypeError(`Server: rateLimit.by is ${JSON.stringify(by)}, not service, caller or a function`)
    }
    this.#by = typeof by === 'function' ? by : keys[by]
    this.#everyMs = 1000 / callsPerSecond
    this.#slackMs = (burst - 1) * this.#everyMs
  }

  /** Takes a token; `false` when there is none. */
  takes(call: CallContext): boolean {
    const now = performance.now()
    const key = this.#by(call)
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now)
    if (fullAt - now > this.#slackMs) return false
    if (this.#fullAt.size >= MAX_BUCKETS && !this.#fullAt.has(key)) this.#forgetFull(now)
    this.#fullAt.set(key, fullAt + this.#everyMs)
    return true
  }

  /** Callers choose their names, so there may be any number: beyond `MAX_BUCKETS` the oldest goes too. */
  #forgetFull(now: number): void {
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key)
    const [oldest] = this.#fullAt.keys()
    if (oldest !== undefined && this.#fullAt.size >= MAX_BUCKETS) this.#fullAt.delete(oldest)
  }
}

const MAX_BUCKETS = 10_000

const keys = {
  service: (call: CallContext) => call.service,
  /** A host has many ports. */
  caller: (call: CallContext) => hostOf(call.remoteAddress),
}

function checkPositive(option: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return
  throw new RangeError(
    `Server: rateLimit.${option} is ${value}, not a number from ${least < 1 ? 0 : least} up`,
  )
}
