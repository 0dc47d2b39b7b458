/**
 * The blocking queries of this process: so many at once. When more want to wait, they do so in turns. Turns become shorter
 * before it comes to that: none of 128 who wait has to do without for longer than a second, none of 600 for three.
 */
export class Turns {
  /** How many wait for changes, now or when it is their turn. */
  #seats = 0
  #running = 0
  readonly #queue: (() => void)[] = []

  /** Somebody will come for a turn again and again, until the function that is returned is called. */
  join(): () => void {
    this.#seats++
    return () => this.#seats--
  }

  /** Runs `query` when it is its turn. */
  async take<T>(query: (waitMs: number) => Promise<T>): Promise<T> {
    if (this.#running < MOST_QUERIES) this.#running++
    else await new Promise<void>(resolve => this.#queue.push(resolve))
    try {
      return await query(this.#waitMs())
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  #waitMs(): number {
    const crowd = Math.max(1, this.#seats - MOST_QUERIES / 2)
    return Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, (1_000 * MOST_QUERIES) / crowd))
  }
}

/** What a process asks of Consul stays below 4 × 64 queries a second. */
const SHORTEST_WAIT_MS = 250
/** Also how soon a hung agent is noticed. */
const LONGEST_WAIT_MS = 10_000
// Consul takes 200 connections from one client address, and several processes may share one.
const MOST_QUERIES = 64
