/**
 * Asserts a promised figure, threefold, since machines that test do much at once; with `RPCX_STRICT` set, the promise itself.
 * Prints the figure either way.
 */
export function atMost(promised: number, what: string, measured: number, unit = 'ms'): void {
  const limit = process.env.RPCX_STRICT ? promised : 3 * promised
  console.info(`${what}: ${rounded(measured)} ${unit}, promised ${promised}`)
  if (!(measured <= limit)) throw new Error(`${what}: ${rounded(measured)} ${unit}, more than ${limit}`)
}

/** Asserts a promised rate alike: a third of it, or with `RPCX_STRICT` set the promise itself. Prints the figure either way. */
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
