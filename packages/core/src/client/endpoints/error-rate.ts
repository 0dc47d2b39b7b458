/** How many of a server's newest calls failed. It looks at nothing but failures, so that calls that succeed cost nothing. */
export class ErrorRate {
  #since = Number.NEGATIVE_INFINITY
  #errors = 0
  #silent = 0
  #repliesBefore = 0

  /**
   * @param replies how many the server has sent so far, errors among them
   * @param isReply whether this failure is one of them; a deadline that passed is not
   */
  add(now: number, replies: number, isReply: boolean): void {
    if (now - this.#since > WINDOW_MS) this.clear(now, replies - (isReply ? 1 : 0))
    this.#errors++
    if (!isReply) this.#silent++
  }

  /** Forgets all that was. */
  clear(now: number, replies: number): void {
    this.#since = now
    this.#errors = 0
    this.#silent = 0
    this.#repliesBefore = replies
  }

  errors(now: number): number {
    return now - this.#since > WINDOW_MS ? 0 : this.#errors
  }

  /** The share of calls that failed, from 0 to 1. */
  share(now: number, replies: number): number {
    const errors = this.errors(now)
    return errors === 0 ? 0 : errors / (replies - this.#repliesBefore + this.#silent)
  }
}

const WINDOW_MS = 10_000
