import type { ContestantName } from './contestants/index.ts'
import type { Order } from './pair.ts'
import { Pair } from './pair.ts'
import type { Task } from './task.ts'

/** Who takes part, by the name that its figures get. */
export type Entrants = Readonly<Record<string, readonly [ContestantName, Task]>>

/**
 * The figures of each entrant, round by round. The entrants take turns, so that a machine whose speed drifts treats them alike: the
 * ratio within a round is the figure to trust.
 */
export async function contest(
  entrants: Entrants,
  rounds: number,
  order: Order,
  measure: (pair: Pair, order: Order) => Promise<number> = (pair, one) => pair.run(one),
): Promise<Record<string, number[]>> {
  const pairs = new Map<string, Pair>()
  try {
    for (const [name, [contestant, task]] of Object.entries(entrants))
      pairs.set(name, await Pair.start(contestant, task))
    const figures = Object.fromEntries([...pairs.keys()].map(name => [name, [] as number[]]))
    const turns = [...pairs]
    for (const [, pair] of turns) await pair.run(order)
    for (let round = 0; round < rounds; round++) {
      for (const [name, pair] of turns.reverse()) figures[name]?.push(await measure(pair, order))
    }
    return figures
  } finally {
    for (const pair of pairs.values()) await pair[Symbol.asyncDispose]()
  }
}
