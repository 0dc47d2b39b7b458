/**
 * Durations, counted in buckets. Each power of two has eight buckets, so a value is at most 12.5 % off, from a microsecond to more than an
 * hour. The cost of `add` does not depend on the number of values.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  #sumMs = 0

  get count(): number {
    return this.#count
  }

  /** The mean in milliseconds; 0 when the histogram is empty. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count
  }

  /** Adds `count` durations of `ms` each. */
  add(ms: number, count = 1): void {
    this.#count += count
    this.#sumMs += ms * count
    const bucket = bucketOf(ms * 1000)
    this.#counts[bucket] = (this.#counts[bucket] as number) + count
  }

  /** Returns the duration in milliseconds that `percent` of the values do not exceed; 0 when the histogram is empty. */
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
   * Returns, for each bound in milliseconds, how many durations do not exceed it. A chart can use the same bounds for any data. Each bound
   * is rounded up to the end of its bucket, which is at most 12.5 % higher.
   */
  countsUpTo(boundsMs: readonly number[]): number[] {
    return boundsMs.map(boundMs => {
      const last = bucketOf(boundMs * 1000)
      let count = 0
      for (let bucket = 0; bucket <= last; bucket++) count += this.#counts[bucket] as number
      return count
    })
  }

  /** Returns a summary for logs: the count, and the mean and some percentiles in milliseconds. */
  toJSON(): { count: number; mean: number; p50: number; p90: number; p99: number } {
    const { count, mean } = this
    return { count, mean, p50: this.percentile(50), p90: this.percentile(90), p99: this.percentile(99) }
  }

  /** Yields the upper bound in milliseconds and the count of each bucket that is not empty. */
  *buckets(): Generator<readonly [upToMs: number, count: number]> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket] as number
      if (count > 0) yield [upperBound(bucket) / 1000, count]
    }
  }
}

// For whole microseconds below 2^32: one bucket for each number below 8, then 8 buckets for each power of two.
const BUCKETS = 8 + 8 * 29

function bucketOf(us: number): number {
  const whole = us < 0xffff_ffff ? us >>> 0 : 0xffff_ffff
  if (whole < 8) return whole
  const exponent = 31 - Math.clz32(whole)
  return (exponent - 2) * 8 + ((whole >>> (exponent - 3)) & 7)
}

/** Returns the upper bound of a bucket in microseconds. */
function upperBound(bucket: number): number {
  if (bucket < 8) return bucket + 1
  const exponent = (bucket >> 3) + 2
  return (8 + (bucket & 7) + 1) * 2 ** (exponent - 3)
}
