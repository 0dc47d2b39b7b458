import type { Page } from './pages.ts'

/** A command that a page tells its readers to run, and the promised output. */
export interface Step {
  /** `npx tsx`, or `node --import tsx` for a program that signals have to reach. */
  readonly runner: string
  /** `server.ts` */
  readonly file: string
  /** Lines of the output, or their beginnings. */
  readonly says: readonly string[]
}

/**
 * Returns the lines of a page's shell blocks that run one of its programs: `npx tsx client.ts   # 10 × 20 = 200`. Lines that are only a
 * comment are further output.
 */
export function stepsOf({ blocks }: Page): Step[] {
  return blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => [
      ...code.matchAll(/^(npx tsx|node --import tsx) (\S+\.ts) +# (.+(?:\n +# .+)*)$/gm),
    ])
    .map(([, runner = '', file = '', comments = '']) => ({
      runner,
      file,
      says: comments.split(/\n +# /).map(comment => comment.split(',')[0] as string),
    }))
}
