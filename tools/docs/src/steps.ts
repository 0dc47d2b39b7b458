import type { Page } from './pages.ts'

/** What a page tells its reader to run, and what is seen then. */
export interface Step {
  /** `server.ts` */
  readonly file: string
  /** A line of its output, or how one begins. */
  readonly says: string
}

/** The lines of a page's shell blocks that run one of its programs: `npx tsx client.ts   # 10 × 20 = 200`. */
export function stepsOf({ blocks }: Page): Step[] {
  return blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => [...code.matchAll(/^npx tsx (\S+\.ts) +# (.+)$/gm)])
    .map(([, file = '', comment = '']) => ({ file, says: comment.split(',')[0] as string }))
}
