import type { Clock } from './clock.ts'

/**
 * Work that may be long, one job after the other: done at once as far as it is short, else in slices, between which everybody else
 * has a turn. A job is a generator that yields after each step.
 */
export class Slices {
  readonly #clock: Clock
  readonly #onIdle: () => void
  readonly #jobs: Iterator<unknown>[] = []
  #next: NodeJS.Immediate | undefined

  /** @param onIdle called each time that all is done */
  constructor(clock: Clock, onIdle: () => void) {
    this.#clock = clock
    this.#onIdle = onIdle
  }

  /** Whether there is work left, behind which a new job would wait. */
  get isBusy(): boolean {
    return this.#jobs.length > 0
  }

  add(job: Iterator<unknown>): void {
    this.#jobs.push(job)
    if (this.#jobs.length === 1) this.#work()
  }

  /** Gives up what is left. */
  stop(): void {
    clearImmediate(this.#next)
    this.#jobs.length = 0
  }

  /** Does all that is left now, however long that takes. */
  finish(): void {
    clearImmediate(this.#next)
    if (this.isBusy) this.#work(Number.POSITIVE_INFINITY)
  }

  #work(ms = SLICE_MS): void {
    const end = this.#clock.now() + ms
    for (let steps = 1; ; steps++) {
      const [job] = this.#jobs
      if (job === undefined) {
        this.#onIdle()
        return
      }
      if (job.next().done === true) this.#jobs.shift()
      // Asking for the time costs as much as some steps do.
      else if (steps % STEPS === 0 && this.#clock.now() > end) break
    }
    this.#next = setImmediate(() => this.#work())
  }
}

const SLICE_MS = 10
const STEPS = 16
