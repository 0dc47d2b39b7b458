import { isTooMuch } from './failure.ts'

/**
 * The blocking queries of this process: so many at once. When more want to wait, they do so in turns. Turns become shorter
 * before it comes to that: none of 400 who wait has to do without for longer than two seconds, none of 600 for three. Where
 * Consul says that this is too much, they become longer for a while.
 */
export class QuerySlots {
  /** How many wait for changes, now or when it is their turn. */
  #seats = 0
  #running = 0
  /** How many times as long as usual they are. */
  #stretch = 1
  /** When that was last changed, by `performance.now()`. */
  #since = 0
  readonly #queue: (() => void)[] = []

  /** Somebody will come for a turn again and again, until the function that is returned is called. */
  join(): () => void {
    this.#seats++
    return () => this.#seats--
  }

  /** How many times as long as usual queries wait. */
  get stretch(): number {
    const now = performance.now()
    if (this.#stretch > 1 && now - this.#since > LONGEST_STRETCH_MS) {
      this.#stretch /= 2
      this.#since = now
    }
    return this.#stretch
  }

  /** Runs `query` when it is its turn. */
  async take<T>(query: (waitMs: number) => Promise<T>): Promise<T> {
    if (this.#running < MOST_QUERIES) this.#running++
    else await new Promise<void>(resolve => this.#queue.push(resolve))
    try {
      return await query(this.#waitMs())
    } catch (error) {
      if (isTooMuch(error)) this.#slow()
      throw error
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  /** Refusals come in crowds, of which the first says it all. */
  #slow(): void {
    const now = performance.now()
    if (now - this.#since < SHORTEST_STRETCH_MS && this.#stretch > 1) return
    this.#stretch = Math.min(MOST_STRETCH, this.#stretch * 2)
    this.#since = now
  }

  #waitMs(): number {
    const crowd = Math.max(1, this.#seats - MOST_QUERIES / 2)
    const waitMs = Math.max(SHORTEST_WAIT_MS, (2_000 * MOST_QUERIES) / crowd)
    return Math.min(LONGEST_WAIT_MS, this.stretch * waitMs)
  }
}

/** Of all connections of this process to Consul. */
export const slots: QuerySlots = new QuerySlots()

// Consul takes 200 connections from one client address, or as few as its operator says, and several processes may share one.
export const MOST_QUERIES = 12
/** What a process asks of Consul stays below 12 queries in each 60 ms. */
const SHORTEST_WAIT_MS = 60
/** Also how soon a hung agent is noticed. */
const LONGEST_WAIT_MS = 10_000
const MOST_STRETCH = 16
const SHORTEST_STRETCH_MS = 2_000
const LONGEST_STRETCH_MS = 300_000
