import { reasonOf } from '@rpcx/core'
import type { Bench } from './bench.ts'
import { NotApplicable, Trial } from './trial.ts'

/** A promise that every registry keeps. Resolves when it is kept or cannot be asked of this one, throws when it is broken. */
export type Law = (bench: Bench, options?: LawOptions) => Promise<Verdict>

/** `not applicable: why`, when the bench or the driver's traits say that the law cannot be asked. */
export type Verdict = 'kept' | `not applicable: ${string}`

/** How the laws are asked of a registry. */
export interface LawOptions {
  /**
   * Asserts the promised times themselves, and not three times as long, for machines that do much at once.
   * @default whether the environment has `RPCX_STRICT`
   */
  readonly strict?: boolean
  /** What random laws begin from; their failures name it. @default the environment's `RPCX_SEED`, else a new one */
  readonly seed?: number
  /** How long a law may take, in milliseconds. @default what each law knows to be enough */
  readonly limitMs?: number
}

/**
 * Makes a law of what it does: with a deadline, and closing whatever it opened.
 * @param where its failures tell the author of a backend to look
 */
export function law(where: string, run: (trial: Trial) => Promise<void>, limitMs = 20_000): Law {
  return async (bench, options = {}) => {
    const trial = new Trial(bench, { limitMs, ...options })
    try {
      await trial.run(run)
      return 'kept'
    } catch (error) {
      if (error instanceof NotApplicable) return `not applicable: ${reasonOf(error)}`
      throw new Error(`${reasonOf(error)}\nLook at ${where}`, { cause: error })
    } finally {
      await trial.end()
    }
  }
}
