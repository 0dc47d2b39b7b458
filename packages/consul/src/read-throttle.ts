/**
 * A gap between requests that do not block, after Consul has rejected some as too many. All rejected requests are repeated at the same
 * moment. Without a gap, Consul would reject them again and again, and no caller would complete its last request.
 */
export class ReadThrottle {
  readonly #queue = new Set<() => void>()
  /** The gap between two requests in milliseconds; 0 for none. */
  #gapMs = 0
  /** When the gap was last increased, by `performance.now()`. */
  #slowed = Number.NEGATIVE_INFINITY
  /** When the next request may go out, by `performance.now()`. */
  #next = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /** Returns the throttle that all connections of this process to one agent share. */
  static to(agent: string): ReadThrottle {
    const throttle = throttles.get(agent) ?? new ReadThrottle()
    throttles.set(agent, throttle)
    return throttle
  }

  /** Increases the gap after a rejection. Many requests are rejected at the same time, so only the first rejection counts. */
  slow(): void {
    const now = performance.now()
    if (now - this.#slowed < CROWD_MS) return
    this.#slowed = now
    this.#gapMs = Math.min(LONGEST_GAP_MS, Math.max(SHORTEST_GAP_MS, this.#gapMs * 2))
  }

  /** Resolves when the request may go out, or when `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.#queue.size === 0 && (this.#gapMs === 0 || performance.now() >= this.#next)) {
      this.#goes()
      return
    }
    await new Promise<void>(resolve => {
      const go = (): void => {
        this.#queue.delete(go)
        signal.removeEventListener('abort', go)
        resolve()
      }
      if (signal.aborted) return go()
      signal.addEventListener('abort', go, { once: true })
      this.#queue.add(go)
      this.#timer ??= this.#later()
    })
  }

  /** Sets the time of the next request, and shortens the gap a little. */
  #goes(): void {
    this.#gapMs = this.#gapMs < NO_GAP_MS ? 0 : this.#gapMs * 0.97
    this.#next = performance.now() + this.#gapMs
  }

  #later(): NodeJS.Timeout {
    return setTimeout(() => this.#first(), Math.max(0, this.#next - performance.now())).unref()
  }

  #first(): void {
    const [go] = this.#queue
    if (go !== undefined) this.#goes()
    go?.()
    this.#timer = this.#queue.size > 0 ? this.#later() : undefined
  }
}

/** The throttles by the agents' names in the options. */
const throttles = new Map<string, ReadThrottle>()
const SHORTEST_GAP_MS = 50
const LONGEST_GAP_MS = 400
const NO_GAP_MS = 5
const CROWD_MS = 1_000
