import type { Bench } from './bench.ts'
import type { Law, LawOptions, Verdict } from './law.ts'
import { closing } from './laws/closing.ts'
import { discovery } from './laws/discovery.ts'
import { driving } from './laws/driving.ts'
import { edits } from './laws/edits.ts'
import { entries } from './laws/entries.ts'
import { outage } from './laws/outage.ts'
import { ownership } from './laws/ownership.ts'
import { registration } from './laws/registration.ts'
import { simulation } from './laws/simulation.ts'
import { watching } from './laws/watching.ts'

/** The promises that every registry keeps. The name of each law is the sentence that states its promise. */
export const laws: Readonly<Record<string, Law>> = {
  ...entries,
  ...registration,
  ...discovery,
  ...watching,
  ...driving,
  ...edits,
  ...ownership,
  ...outage,
  ...closing,
  ...simulation,
}

/** The function `test` of any test runner. */
export type TestFunction = (name: string, run: () => Promise<void>, timeoutMs?: number) => unknown

/** The options of `registryContract`. */
export interface ContractOptions extends LawOptions {
  /** Called with each law that does not apply to this registry, and the reason. @default prints a line */
  readonly notApplicable?: (law: string, verdict: Verdict) => void
}

/** Registers one test per law. Each test has its own bench. */
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

// Longer than the limit of any law, because the error of that limit says what the law waited for.
const RUNNER_MS = 180_000

function print(law: string, verdict: Verdict): void {
  console.info(`${law}: ${verdict}`)
}
