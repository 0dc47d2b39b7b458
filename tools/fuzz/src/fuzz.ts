import { setImmediate } from 'node:timers/promises'
import { Random } from '@rpcx/testing'
import { mutated } from './mutations.ts'
import { shrunk } from './shrink.ts'
import type { Target } from './target.ts'
import { LIMITS } from './target.ts'
import { tried } from './trial.ts'
import { Watchdog } from './watchdog.ts'

/** The result of a run. */
export interface Tally {
  readonly inputs: number
  readonly bytes: number
  readonly tookMs: number
}

/**
 * Gives this many mutated inputs to a target.
 * @throws Error with the seed, number and shortest form of the first input that takes too long or too much memory, or throws a wrong error
 */
export async function fuzz(target: Target, inputs: number, seed: number = new Random().seed): Promise<Tally> {
  const { name, corpus, tokens = [], limits } = target
  const { inputBytes } = { ...LIMITS, ...limits }
  const random = new Random(seed)
  const watchdog = new Watchdog(name, seed)
  const since = performance.now()
  let bytes = 0
  try {
    for (let number = 0; number < inputs; number++) {
      // Valid inputs must be accepted.
      const input = corpus[number] ?? mutated(random.pick(corpus), corpus, tokens, random, inputBytes)
      watchdog.began(number)
      // Node frees the memory of a failed gunzip after the current turn. Two payloads of one peer never fail in the same turn.
      if (number % 100 === 0) await setImmediate()
      bytes += input.length
      const fault = await tried(target, input)
      if (fault === undefined) continue
      const fails = async (candidate: Buffer): Promise<boolean> =>
        (await tried(target, candidate))?.kind === fault.kind
      const short = await shrunk(input, fails)
      const { what, cause } = (await tried(target, short)) ?? fault
      const where = `RPCX_SEED=${seed}, input ${number} of ${input.length} bytes`
      throw new Error(`${name}: ${fault.kind}: ${what} (${where}, in short ${short.toString('hex')})`, {
        cause,
      })
    }
  } finally {
    watchdog.stop()
  }
  return { inputs, bytes, tookMs: performance.now() - since }
}
