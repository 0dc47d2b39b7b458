import type { Clock } from './clock.ts'

/**
 * A queue of jobs that may be long. Short work runs at once. Long work runs in slices, and the event loop serves others between them. A job
 * is a generator that yields after each step.
 */
export class Slices {
  readonly #clock: Clock
  readonly #onIdle: () => void
  readonly #jobs: Iterator<unknown>[] = []
  #next: NodeJS.Immediate | undefined

  /** @param onIdle called each time that the queue becomes empty */
  constructor(clock: Clock, onIdle: () => void) {
    this.#clock = clock
    this.#onIdle = onIdle
  }

  /** Whether jobs are left, for which a new job would wait. */
  get isBusy(): boolean {
    return this.#jobs.length > 0
  }

  add(job: Iterator<unknown>): void {
    this.#jobs.push(job)
    if (this.#jobs.length === 1) this.#work()
  }

  /** Discards the jobs that are left. */
  stop(): void {
    clearImmediate(this.#next)
    this.#jobs.length = 0
  }

  /** Runs all jobs that are left now, however long that takes. */
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
      // Reading the time costs as much as several steps.
      else if (steps % STEPS === 0 && this.#clock.now() > end) break
    }
    this.#next = setImmediate(() => this.#work())
  }
}

const SLICE_MS = 10
const STEPS = 16
