/**
 * The questions that took down connections. ZooKeeper answers in order, so one answer that never ends holds up all behind it: on the
 * next connections these questions come last, and all others are answered before.
 */
export class Suspects {
  readonly #questions = new Set<string>()

  has(question: string): boolean {
    return this.#questions.has(question)
  }

  /** The connection was given up while this question was the next to be answered. */
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
