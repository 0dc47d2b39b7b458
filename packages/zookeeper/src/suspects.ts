/**
 * The requests that were next to be answered when connections failed. ZooKeeper answers in order, so one request that never ends delays
 * all others behind it. On the next connections, these requests therefore go last.
 */
export class Suspects {
  readonly #questions = new Set<string>()

  has(question: string): boolean {
    return this.#questions.has(question)
  }

  /** Records the request that was next to be answered when a connection failed. */
  blame(question: string): void {
    this.#questions.add(question)
    if (this.#questions.size <= MOST) return
    const [oldest] = this.#questions as Iterable<string>
    this.#questions.delete(oldest as string)
  }

  answered(question: string): void {
    this.#questions.delete(question)
  }
}

const MOST = 1_000
