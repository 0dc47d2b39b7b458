import { checkMs } from '../../options.ts'
import type { FailPolicy } from './fail-policy.ts'
import { failover } from './failover.ts'

/**
 * When to send a second copy of a call: after a number of milliseconds, or when the call takes longer than this percentage of the recent
 * calls of its method.
 */
export type BackupAfter = { readonly ms: number } | { readonly percentile: number }

/** Repeats a call on another server, and sends a copy of a slow idempotent call to a second one. @throws RangeError */
export function failbackup(after: BackupAfter = { percentile: 95 }): FailPolicy {
  if ('ms' in after) {
    const ms = checkMs('XClient', 'backupAfter.ms', after.ms)
    return { ...failover(), hedging: { delayMs: () => ms } }
  }
  const { percentile } = after
  if (!(percentile > 0 && percentile < 100))
    throw new RangeError(`XClient: backupAfter.percentile is ${percentile}, not between 0 and 100`)
  const byMethod = new Map<string, Durations>()
  return {
    ...failover(),
    hedging: {
      delayMs: method => byMethod.get(method)?.percentile(percentile) ?? UNKNOWN_MS,
      succeeded(method, ms) {
        const durations = byMethod.get(method) ?? new Durations()
        byMethod.set(method, durations)
        durations.add(ms)
      },
    },
  }
}

/** The durations of the newest calls of a method. */
class Durations {
  readonly #newest = new Float64Array(KEPT)
  #count = 0
  #sorted: Float64Array = this.#newest.slice(0, 0)

  add(ms: number): void {
    this.#newest[this.#count++ % KEPT] = ms
    if (this.#count % SORT_EVERY === 0)
      this.#sorted = this.#newest.slice(0, Math.min(this.#count, KEPT)).sort()
  }

  percentile(percentile: number): number | undefined {
    const at = Math.floor((this.#sorted.length * percentile) / 100)
    return this.#sorted[Math.min(at, this.#sorted.length - 1)]
  }
}

const KEPT = 256
const SORT_EVERY = 32
// The delay before any duration is known; the default of Go (DefaultOption.BackupLatency in client/client.go).
const UNKNOWN_MS = 10
