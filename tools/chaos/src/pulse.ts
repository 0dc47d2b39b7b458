/** Measures how long this process could not run, because it was stopped, blocked or without a processor. */
export class Pulse {
  readonly #timer: NodeJS.Timeout
  #stalledMs = 0
  #last = performance.now()

  constructor() {
    this.#timer = setInterval(() => this.#beat(), PERIOD_MS)
  }

  /** Returns the total of that time until now, in milliseconds. */
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
