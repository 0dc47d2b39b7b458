/**
 * The longest that this process blocked its own event loop. Time in which the machine ran other processes does not count: a piece of
 * work lasts as long as the processor worked for it, and no longer than it took.
 */
export class BlockedLoop {
  #longestMs = 0
  #at: number = performance.now()
  #cpuMs: number = cpuMs()
  readonly #timer: NodeJS.Timeout = setInterval(() => this.#tick(), TICK_MS)

  /** Returns the longest time since the previous call, and starts again. */
  takeMs(): number {
    const longestMs = this.#longestMs
    this.#longestMs = 0
    return longestMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const [at, cpu] = [performance.now(), cpuMs()]
    const blockedMs = Math.min(at - this.#at - TICK_MS, cpu - this.#cpuMs)
    this.#longestMs = Math.max(this.#longestMs, blockedMs)
    this.#at = at
    this.#cpuMs = cpu
  }
}

const TICK_MS = 1

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
