export function median(figures: readonly number[]): number {
  return percentile(figures, 0.5)
}

/** The figure that this share of them does not exceed. */
export function percentile(figures: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(figures).sort()
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN
}
