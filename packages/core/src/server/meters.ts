/** Counts events and tells their rate, as the Meter of Go's go-metrics does with `RateMean`. */
export interface Meter {
  /** Events per second since the meter was made. */
  rateMean(): number
}

/** What a register plugin publishes about its server as `calls` and `connections`. */
export interface Metrics {
  readonly calls: Meter
  /** Connections accepted, not connections open. */
  readonly connections: Meter
}

export class CountingMeter implements Meter {
  readonly #since = performance.now()
  #count = 0

  mark(): void {
    this.#count++
  }

  rateMean(): number {
    const seconds = (performance.now() - this.#since) / 1000
    return seconds > 0 ? this.#count / seconds : 0
  }
}

/** The meters of one server. */
export class Meters implements Metrics {
  readonly calls: CountingMeter = new CountingMeter()
  readonly connections: CountingMeter = new CountingMeter()
}
