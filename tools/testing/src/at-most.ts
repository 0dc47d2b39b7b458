/**
 * Asserts at most three times the promised time, because test machines are busy. With `RPCX_STRICT`, asserts the promised time itself.
 * Prints the figure either way.
 */
export function atMost(promised: number, what: string, measured: number, unit = 'ms'): void {
  const limit = process.env.RPCX_STRICT ? promised : 3 * promised
  console.info(`${what}: ${rounded(measured)} ${unit}, promised ${promised}`)
  if (!(measured <= limit)) throw new Error(`${what}: ${rounded(measured)} ${unit}, more than ${limit}`)
}

/** Asserts a third of a promised rate, or with `RPCX_STRICT` the promised rate itself. Prints the figure either way. */
export function atLeast(promised: number, what: string, measured: number, unit = 'a second'): void {
  const limit = process.env.RPCX_STRICT ? promised : promised / 3
  console.info(`${what}: ${rounded(measured)} ${unit}, promised ${promised}`)
  if (!(measured >= limit)) throw new Error(`${what}: ${rounded(measured)} ${unit}, less than ${limit}`)
}

export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] as number
}

function rounded(figure: number): string {
  return figure.toFixed(figure < 10 ? 2 : 0)
}
