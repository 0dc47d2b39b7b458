/**
 * How long things took, in buckets that are an eighth of their power of two wide: at most 12.5 % off, from a microsecond to
 * hours. Adding costs nothing that depends on how many there are.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  #sumMs = 0

  get count(): number {
    return this.#count
  }

  /** The mean in milliseconds; 0 when there is nothing. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count
  }

  /** Adds `count` things that took `ms` each. */
  add(ms: number, count = 1): void {
    this.#count += count
    this.#sumMs += ms * count
    const bucket = bucketOf(ms * 1000)
    this.#counts[bucket] = (this.#counts[bucket] as number) + count
  }

  /** The time in milliseconds that so many of 100 did not exceed; 0 when there is nothing. */
  percentile(percent: number): number {
    let left = (this.#count * percent) / 100
    if (this.#count === 0) return 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket] as number
      if (left <= 0) return upperBound(bucket) / 1000
    }
    return upperBound(BUCKETS - 1) / 1000
  }

  /**
   * How many things took no longer than each of these times, in milliseconds, in order: the buckets of a chart that stays the same,
   * whatever was measured. Each bound counts up to the next one of the histogram's own, an eighth higher at most.
   */
  countsUpTo(boundsMs: readonly number[]): number[] {
    return boundsMs.map(boundMs => {
      const last = bucketOf(boundMs * 1000)
      let count = 0
      for (let bucket = 0; bucket <= last; bucket++) count += this.#counts[bucket] as number
      return count
    })
  }

  /** For logs: how many there are, and in milliseconds their mean and some percentiles. */
  toJSON(): { count: number; mean: number; p50: number; p90: number; p99: number } {
    const { count, mean } = this
    return { count, mean, p50: this.percentile(50), p90: this.percentile(90), p99: this.percentile(99) }
  }

  /** The upper bounds in milliseconds of the buckets that are not empty, each with how many fell into it. */
  *buckets(): Generator<readonly [upToMs: number, count: number]> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket] as number
      if (count > 0) yield [upperBound(bucket) / 1000, count]
    }
  }
}

// Whole microseconds below 2^32: 8 buckets for each power of two from 8 up, and one for each number below.
const BUCKETS = 8 + 8 * 29

function bucketOf(us: number): number {
  const whole = us < 0xffff_ffff ? us >>> 0 : 0xffff_ffff
  if (whole < 8) return whole
  const exponent = 31 - Math.clz32(whole)
  return (exponent - 2) * 8 + ((whole >>> (exponent - 3)) & 7)
}

/** In microseconds. */
function upperBound(bucket: number): number {
  if (bucket < 8) return bucket + 1
  const exponent = (bucket >> 3) + 2
  return (8 + (bucket & 7) + 1) * 2 ** (exponent - 3)
}
