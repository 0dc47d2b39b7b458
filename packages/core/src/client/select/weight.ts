import type { Endpoint } from '../../discovery/discovery.ts'

/** Returns the weight in the metadata of a server, as Go reads it: the first `weight`, or 1 when that is not a decimal integer. */
export function weightOf({ values }: Endpoint): number {
  const text = values.get('weight')?.[0]
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return 1
  const weight = Number(text)
  return Number.isSafeInteger(weight) ? weight : 1
}
