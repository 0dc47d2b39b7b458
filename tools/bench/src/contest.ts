import type { ContestantName } from './contestants/index.ts'
import type { Order } from './pair.ts'
import { Pair } from './pair.ts'
import type { Task } from './task.ts'

/** Who takes part, by the name that its figures get. */
export type Entrants = Readonly<Record<string, readonly [ContestantName, Task]>>

export interface ContestOptions {
  /** What is measured of a pair in each round. @default what it answers to the order */
  readonly measure?: (pair: Pair) => Promise<number>
  /** What each pair does first. @default the order, three times: until the code that runs often has been compiled for speed */
  readonly warmUp?: readonly Order[]
  /**
   * How often all processes are started anew, for what differs by less than two processes of the same program do: how code is compiled
   * and where memory lies makes up to 15 %. @default 1
   */
  readonly casts?: number
  /** Of Node, for all processes. @default none */
  readonly flags?: readonly string[]
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
  const { casts = 1 } = options
  const figures = Object.fromEntries(Object.keys(entrants).map(name => [name, [] as number[]]))
  const forth = Object.entries(entrants)
  const back = forth.toReversed()
  for (let cast = 0; cast < casts; cast++) {
    // Of two copies of one program, the one that was started first was up to a tenth faster.
    await play(cast % 2 === 0 ? forth : back, rounds / casts, order, options, figures)
  }
  return figures
}

async function play(
  entrants: readonly [string, Entrants[string]][],
  rounds: number,
  order: Order,
  { measure = pair => pair.run(order), warmUp = [order, order, order], flags }: ContestOptions,
  figures: Record<string, number[]>,
): Promise<void> {
  const pairs = new Map<string, Pair>()
  try {
    for (const [name, [contestant, task]] of entrants)
      pairs.set(name, await Pair.start(contestant, task, flags))
    for (const pair of pairs.values()) for (const first of warmUp) await pair.run(first)
    // Always in the same order: who has two turns running is a quarter slower in the second, with one call at a time.
    for (let round = 0; round < rounds; round++) {
      for (const [name, pair] of pairs) figures[name]?.push(await measure(pair))
    }
  } finally {
    for (const pair of pairs.values()) await pair[Symbol.asyncDispose]()
  }
}
