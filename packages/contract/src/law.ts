import { reasonOf } from '@rpcx/core'
import type { Bench } from './bench.ts'
import { NotApplicable, Trial } from './trial.ts'

/** Tests a promise that every registry keeps. Resolves when the promise is kept or does not apply, and throws when it is broken. */
export type Law = (bench: Bench, options?: LawOptions) => Promise<Verdict>

/** The result of a law. `not applicable: why` when the law does not apply, because of the bench or the traits of the driver. */
export type Verdict = 'kept' | `not applicable: ${string}`

/** The options of a law. */
export interface LawOptions {
  /**
   * Whether to assert the promised times themselves. Otherwise a law allows three times as long, for busy machines.
   * @default whether the environment has `RPCX_STRICT`
   */
  readonly strict?: boolean
  /** The seed of random laws, which their failures name. @default the environment's `RPCX_SEED`, else a new one */
  readonly seed?: number
  /** The time limit of a law, in milliseconds. @default what each law knows to be enough */
  readonly limitMs?: number
}

/**
 * Makes a law of a function. The law has a time limit, and closes everything that it opened.
 * @param where the place in a driver that the error of a broken law names
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
