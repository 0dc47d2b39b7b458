/**
 * Spaces the questions that do not wait for a change, once Consul has said that there are too many. All who were refused come back at
 * the same moment: without this, they would be refused again and again, and none would get as far as its last question.
 */
export class ReadThrottle {
  readonly #queue = new Set<() => void>()
  /** How long one question comes after the other; 0 at once. */
  #gapMs = 0
  /** When it was made longer, by `performance.now()`. */
  #slowed = Number.NEGATIVE_INFINITY
  /** When the next may go, by `performance.now()`. */
  #next = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /** The one of all connections of this process to one agent. */
  static to(agent: string): ReadThrottle {
    const throttle = throttles.get(agent) ?? new ReadThrottle()
    throttles.set(agent, throttle)
    return throttle
  }

  /** Consul refused a question as one too many. Refusals come in crowds, of which the first says it all. */
  slow(): void {
    const now = performance.now()
    if (now - this.#slowed < CROWD_MS) return
    this.#slowed = now
    this.#gapMs = Math.min(LONGEST_GAP_MS, Math.max(SHORTEST_GAP_MS, this.#gapMs * 2))
  }

  /** Resolves when it is its turn, or when `signal` aborts. */
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

  /** Each question that goes makes the gap after it a little shorter. */
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

/** By the agents that the program names. */
const throttles = new Map<string, ReadThrottle>()
const SHORTEST_GAP_MS = 50
const LONGEST_GAP_MS = 400
const NO_GAP_MS = 5
const CROWD_MS = 1_000
