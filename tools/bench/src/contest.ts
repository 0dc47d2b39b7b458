import type { ContestantName } from './contestants/index.ts'
import type { Order } from './pair.ts'
import { Pair } from './pair.ts'
import type { Task } from './task.ts'

/** The contestants, by the names of their figures. */
export type Entrants = Readonly<Record<string, readonly [ContestantName, Task]>>

export interface ContestOptions {
  /** Measures a pair once per round. @default returns the result of the order */
  readonly measure?: (pair: Pair) => Promise<number>
  /** What each pair does before the first round. @default the order three times, until V8 has optimised the code */
  readonly warmUp?: readonly Order[]
  /**
   * How often all processes are restarted. Two processes of the same program differ by up to 15 %, because of their compiled code and
   * their memory layout. Restarts average that out, for smaller differences. @default 1
   */
  readonly casts?: number
  /** The flags of Node for all processes. @default none */
  readonly flags?: readonly string[]
}

/**
 * Returns the figures of each contestant, round by round. Contestants take turns, so a machine with changing speed treats them alike:
 * trust the ratio within a round.
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
    // Of two identical programs, the one that started first was up to a tenth faster.
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
    // Always in the same order: with one call at a time, a pair that runs twice in a row is a quarter slower in its second turn.
    for (let round = 0; round < rounds; round++) {
      for (const [name, pair] of pairs) figures[name]?.push(await measure(pair))
    }
  } finally {
    for (const pair of pairs.values()) await pair[Symbol.asyncDispose]()
  }
}
