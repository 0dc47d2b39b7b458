export function median(figures: readonly number[]): number {
  return percentile(figures, 0.5)
}

/** Returns the figure that this share of all figures does not exceed. */
export function percentile(figures: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(figures).sort()
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN
}
