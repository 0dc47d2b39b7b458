import { checkChoice } from '../../options.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'

/** Chooses a server for each call. Synchronous: it stands in the path of every call. */
export interface Selector {
  /** One of `candidates`, of which there is at least one. */
  pick<T>(candidates: readonly T[]): T
}

/** How a client spreads its calls: `random`, or `roundRobin` in address order. */
export type SelectMode = 'random' | 'roundRobin'

/** @throws TypeError on an unknown mode */
export function selectorFor(mode: SelectMode): Selector {
  return selectors[checkChoice('XClient', 'selectMode', mode, Object.keys(selectors) as SelectMode[])]()
}

const selectors: Record<SelectMode, () => Selector> = { random, roundRobin }
