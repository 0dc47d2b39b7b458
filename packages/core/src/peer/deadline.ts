/**
 * Returns the time at which a call that arrived at `now` expires, by the same clock, according to its `__ServerTimeout`. Returns
 * `undefined` when `timeout` is missing or not an integer. Parses like Go's `strconv.ParseInt`, which accepts `+5000` but no spaces.
 */
export function deadlineOf(timeout: string | undefined, now: number): number | undefined {
  if (timeout === undefined || !/^[+-]?\d+$/.test(timeout)) return undefined
  const ms = Number(timeout)
  if (Math.abs(ms) > MAX_INT64) return undefined
  // Go's Duration counts nanoseconds in an int64. Larger values overflow into the past.
  return ms > MAX_DURATION_MS ? now : now + ms
}

const MAX_INT64 = 2 ** 63
const MAX_DURATION_MS = 9_223_372_036_854
