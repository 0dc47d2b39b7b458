import type { Endpoint } from '../../discovery/discovery.ts'

/** The weight in a server's metadata as Go reads it: the first `weight`, 1 when that is no decimal integer. */
export function weightOf({ values }: Endpoint): number {
  const text = values.get('weight')?.[0]
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return 1
  const weight = Number(text)
  return Number.isSafeInteger(weight) ? weight : 1
}
