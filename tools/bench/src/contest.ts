import type { ContestantName } from './contestants/index.ts'
import type { Order } from './pair.ts'
import { Pair } from './pair.ts'
import type { Task } from './task.ts'

/** Who takes part, by the name that its figures get. */
export type Entrants = Readonly<Record<string, readonly [ContestantName, Task]>>

export interface ContestOptions {
  /** What is measured of a pair in each round. @default what it answers to the order */
  readonly measure?: (pair: Pair) => Promise<number>
  /** What each pair does first, a few times. @default the order */
  readonly warmUp?: Order
}

/**
 * The figures of each entrant, round by round. The entrants take turns, so that a machine whose speed drifts treats them alike: the
 * ratio within a round is the figure to trust.
 */
export async function contest(
  entrants: Entrants,
  rounds: number,
  order: Order,
  options: ContestOptions = {},
): Promise<Record<string, number[]>> {
  const { measure = pair => pair.run(order), warmUp = order } = options
  const pairs = new Map<string, Pair>()
  try {
    for (const [name, [contestant, task]] of Object.entries(entrants))
      pairs.set(name, await Pair.start(contestant, task))
    const figures = Object.fromEntries([...pairs.keys()].map(name => [name, [] as number[]]))
    const turns = [...pairs]
    for (const [, pair] of turns) for (let i = 0; i < WARM_UPS; i++) await pair.run(warmUp)
    for (let round = 0; round < rounds; round++) {
      for (const [name, pair] of turns.reverse()) figures[name]?.push(await measure(pair))
    }
    return figures
  } finally {
    for (const pair of pairs.values()) await pair[Symbol.asyncDispose]()
  }
}

// Until the code that runs often has been compiled for speed, also where calls come one at a time.
const WARM_UPS = 3
