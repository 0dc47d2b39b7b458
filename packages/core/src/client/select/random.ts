import type { Selector } from './selector.ts'

/** Any server, each as likely as the others. */
export function random(): Selector {
  return { pick: candidates => candidates[Math.floor(Math.random() * candidates.length)] }
}
