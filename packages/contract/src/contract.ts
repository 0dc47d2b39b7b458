import type { Bench } from './bench.ts'
import type { Law, LawOptions, Verdict } from './law.ts'
import { closing } from './laws/closing.ts'
import { discovery } from './laws/discovery.ts'
import { driving } from './laws/driving.ts'
import { edits } from './laws/edits.ts'
import { entries } from './laws/entries.ts'
import { following } from './laws/following.ts'
import { outage } from './laws/outage.ts'
import { ownership } from './laws/ownership.ts'
import { registration } from './laws/registration.ts'
import { simulation } from './laws/simulation.ts'

/** The promises that every registry keeps, by the sentence that says them. */
export const laws: Readonly<Record<string, Law>> = {
  ...entries,
  ...registration,
  ...discovery,
  ...following,
  ...driving,
  ...edits,
  ...ownership,
  ...outage,
  ...closing,
  ...simulation,
}

/** `test` of any runner. */
export type TestFunction = (name: string, run: () => Promise<void>, timeoutMs?: number) => unknown

/** How the laws are asked of a registry, and what is said of those that do not apply. */
export interface ContractOptions extends LawOptions {
  /** Told of each law that cannot be asked of this registry, and why. @default prints a line */
  readonly notApplicable?: (law: string, verdict: Verdict) => void
}

/** Registers one test per law; each runs with a bench of its own. */
export function registryContract(
  test: TestFunction,
  bench: () => Promise<Bench> | Bench,
  options: ContractOptions = {},
): void {
  const { notApplicable = print, ...lawOptions } = options
  for (const [name, law] of Object.entries(laws)) {
    const run = async (): Promise<void> => {
      const subject = await bench()
      try {
        const verdict = await law(subject, lawOptions)
        if (verdict !== 'kept') notApplicable(name, verdict)
      } finally {
        await subject.close?.()
      }
    }
    test(name, run, RUNNER_MS)
  }
}

// Longer than any law takes: a law's own deadline tells what it waited for.
const RUNNER_MS = 180_000

function print(law: string, verdict: Verdict): void {
  console.info(`${law}: ${verdict}`)
}
