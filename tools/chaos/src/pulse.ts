/** Measures for how long this process could not run: stopped, blocked, or without a processor. */
export class Pulse {
  readonly #timer: NodeJS.Timeout
  #stalledMs = 0
  #last = performance.now()

  constructor() {
    this.#timer = setInterval(() => this.#beat(), PERIOD_MS)
  }

  /** All such time so far, in milliseconds, up to this moment. */
  stalledMs(): number {
    return this.#stalledMs + this.#gap(performance.now())
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #beat(): void {
    const now = performance.now()
    this.#stalledMs += this.#gap(now)
    this.#last = now
  }

  #gap(now: number): number {
    const gap = now - this.#last - PERIOD_MS
    return gap > PERIOD_MS ? gap : 0
  }
}

const PERIOD_MS = 10
