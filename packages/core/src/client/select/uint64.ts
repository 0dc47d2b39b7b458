/** An unsigned 64-bit integer in two halves, which is faster than a bigint. */
export interface Uint64 {
  readonly high: number
  readonly low: number
}

/** Returns the lower 64 bits of the product. */
export function multiply(a: Uint64, b: Uint64): Uint64 {
  const [a0, a1, b0, b1] = [a.low & 0xffff, a.low >>> 16, b.low & 0xffff, b.low >>> 16]
  const low = a0 * b0
  const crossed = a0 * b1
  const across = a1 * b0
  const middle = (low >>> 16) + (crossed & 0xffff) + (across & 0xffff)
  const carried = a1 * b1 + (crossed >>> 16) + (across >>> 16) + (middle >>> 16)
  return {
    high: (carried + Math.imul(a.high, b.low) + Math.imul(a.low, b.high)) >>> 0,
    low: ((middle << 16) | (low & 0xffff)) >>> 0,
  }
}

export function increment({ high, low }: Uint64): Uint64 {
  return low === 0xffffffff ? { high: (high + 1) >>> 0, low: 0 } : { high, low: low + 1 }
}
