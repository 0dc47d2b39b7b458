import type { Page } from './pages.ts'

/** A command that a page tells its readers to run, and the promised output. */
export interface Step {
  /** `server.ts` */
  readonly file: string
  /** A line of the output, or its beginning. */
  readonly says: string
}

/** Returns the lines of a page's shell blocks that run one of its programs: `npx tsx client.ts   # 10 × 20 = 200`. */
export function stepsOf({ blocks }: Page): Step[] {
  return blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => [...code.matchAll(/^npx tsx (\S+\.ts) +# (.+)$/gm)])
    .map(([, file = '', comment = '']) => ({ file, says: comment.split(',')[0] as string }))
}
