import type { Clock } from '../../clock.ts'
import type { RpcxError } from '../../errors.ts'

/** Whether a server is ejected, and until when. Repeated ejections have exponentially longer back-offs. */
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

  /** The time by the clock when the back-off ends. */
  get dueAt(): number {
    return this.#dueAt
  }

  /** The error that last ejected the server. It stays after the server is restored. */
  get lastError(): RpcxError | undefined {
    return this.#lastError
  }

  /** Returns whether the server was restored within the last `PROBATION_MS`. */
  isOnProbation(now: number): boolean {
    return this.#isIn && this.#failures > 0 && now - this.#inSince < PROBATION_MS
  }

  /**
   * Ejects the server, or extends its ejection. The back-off is `firstMs` the first time and doubles each further time, up to `mostMs`. A
   * random part of up to one half is subtracted.
   */
  out(error: RpcxError, firstMs: number, mostMs: number): void {
    const now = this.#clock.now()
    // After more than `mostMs` in service, earlier failures no longer count.
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
