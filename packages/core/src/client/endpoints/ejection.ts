import type { Clock } from '../../clock.ts'
import type { RpcxError } from '../../errors.ts'

/** How a server stands with a client: in service, or out until it is due, for longer each time. */
export class Ejection {
  readonly #clock: Clock
  #isIn = true
  #failures = 0
  #inSince: number
  #dueAt = 0
  #lastError: RpcxError | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#inSince = clock.now()
  }

  get isIn(): boolean {
    return this.#isIn
  }

  /** When it may be tried again, by the clock. */
  get dueAt(): number {
    return this.#dueAt
  }

  /** What took it out last, also when it has come back. */
  get lastError(): RpcxError | undefined {
    return this.#lastError
  }

  /** Whether it came back not long ago, after it had been out. */
  isOnProbation(now: number): boolean {
    return this.#isIn && this.#failures > 0 && now - this.#inSince < PROBATION_MS
  }

  /** Takes it out, or keeps it out: for `firstMs` the first time, for twice as long each further time up to `mostMs`, less up to a half by chance. */
  out(error: RpcxError, firstMs: number, mostMs: number): void {
    const now = this.#clock.now()
    // After a good while of service, this is trouble out of the blue.
    if (this.#isIn && now - this.#inSince > mostMs) this.#failures = 0
    this.#isIn = false
    this.#lastError = error
    this.#failures++
    const ms = Math.min(firstMs * 2 ** (this.#failures - 1), mostMs)
    this.#dueAt = now + ms * (0.5 + this.#clock.random() / 2)
  }

  back(): void {
    this.#isIn = true
    this.#inSince = this.#clock.now()
  }
}

const PROBATION_MS = 10_000
