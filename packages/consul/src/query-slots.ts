import { Semaphore } from '@rpcx/core'
import { isTooMuch } from './failure.ts'

/**
 * The limit on concurrent blocking queries of this process. When there are more watches than slots, they take turns. Turns become shorter
 * as watches become more: each of 400 watches waits at most two seconds for its turn, each of 600 at most three. When Consul rejects
 * queries as too many, turns become longer for a while.
 */
export class QuerySlots {
  /** The number of watches that use the slots, including those that wait for a turn. */
  #seats = 0
  /** The factor by which queries last longer than usual. */
  #stretch = 1
  /** When the factor last changed, by `performance.now()`. */
  #since = 0
  readonly #running = new Semaphore(MOST_QUERIES)

  /** Adds a watch, which then takes turns. Returns a function that removes it. */
  join(): () => void {
    this.#seats++
    return () => this.#seats--
  }

  /** The factor by which queries last longer than usual. It is 1 unless Consul has rejected queries. */
  get stretch(): number {
    const now = performance.now()
    if (this.#stretch > 1 && now - this.#since > LONGEST_STRETCH_MS) {
      this.#stretch /= 2
      this.#since = now
    }
    return this.#stretch
  }

  /** Runs `query` when a slot is free. */
  async take<T>(query: (waitMs: number) => Promise<T>): Promise<T> {
    return this.#running.run(async () => {
      try {
        return await query(this.#waitMs())
      } catch (error) {
        if (isTooMuch(error)) this.#slow()
        throw error
      }
    })
  }

  /** Many queries are rejected at the same time, so only the first rejection counts. */
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

// Consul allows 200 connections for each client address, or fewer if its operator says so. Several processes may share one address.
export const MOST_QUERIES = 12

/** The slots that all connections of this process to Consul share. */
export const slots: QuerySlots = new QuerySlots()

/** Limits a process to 12 queries in 60 ms. */
const SHORTEST_WAIT_MS = 60
/** Also the time within which a hung agent is noticed. */
const LONGEST_WAIT_MS = 10_000
const MOST_STRETCH = 16
const SHORTEST_STRETCH_MS = 2_000
const LONGEST_STRETCH_MS = 300_000
