/**
 * When a call that came at `now` expires, by the same clock, out of its `__ServerTimeout`; `undefined` when there is none or it is no
 * integer. Read as by Go's `strconv.ParseInt`, which takes `+5000` but no spaces.
 */
export function deadlineOf(timeout: string | undefined, now: number): number | undefined {
  if (timeout === undefined || !/^[+-]?\d+$/.test(timeout)) return undefined
  const ms = Number(timeout)
  if (Math.abs(ms) > MAX_INT64) return undefined
  // Go's Duration counts nanoseconds in an int64: larger values overflow to the past.
  return ms > MAX_DURATION_MS ? now : now + ms
}

const MAX_INT64 = 2 ** 63
const MAX_DURATION_MS = 9_223_372_036_854
