/** The error rate of a server over recent calls. Only failures are recorded, so that successful calls cost nothing. */
export class ErrorRate {
  #since = Number.NEGATIVE_INFINITY
  #errors = 0
  #silent = 0
  #repliesBefore = 0

  /**
   * Records a failure.
   * @param replies the number of replies that the server has sent so far, including errors
   * @param isReply whether the failure is one of these replies; a passed deadline is not
   */
  add(now: number, replies: number, isReply: boolean): void {
    if (now - this.#since > WINDOW_MS) this.clear(now, replies - (isReply ? 1 : 0))
    this.#errors++
    if (!isReply) this.#silent++
  }

  /** Forgets all failures and starts a new window. */
  clear(now: number, replies: number): void {
    this.#since = now
    this.#errors = 0
    this.#silent = 0
    this.#repliesBefore = replies
  }

  errors(now: number): number {
    return now - this.#since > WINDOW_MS ? 0 : this.#errors
  }

  /** Returns the share of the recent calls that failed, from 0 to 1. */
  share(now: number, replies: number): number {
    const errors = this.errors(now)
    return errors === 0 ? 0 : errors / (replies - this.#repliesBefore + this.#silent)
  }
}

const WINDOW_MS = 10_000
