import type { Clock } from '../../clock.ts'
import type { Selector } from './selector.ts'

/** Chooses a server at random, each with the same probability. */
export function random(clock: Clock): Selector {
  return { pick: candidates => candidates[Math.floor(clock.random() * candidates.length)] }
}
