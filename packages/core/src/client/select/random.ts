import type { Clock } from '../../clock.ts'
import type { Selector } from './selector.ts'

/** Any server, each as likely as the others. */
export function random(clock: Clock): Selector {
  return { pick: candidates => candidates[Math.floor(clock.random() * candidates.length)] }
}
