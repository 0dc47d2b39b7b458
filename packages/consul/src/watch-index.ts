import type { Answer } from './agent.ts'

/** The newest index of each list. It prevents a list from going back to an older state. */
export class WatchIndex {
  readonly #newest = new Map<string, bigint>()

  /**
   * Returns the items of `answer`, unless its index is older than the last one. That happens when another agent or a new leader is behind.
   * In that case returns the result of `certain`, which is right even after Consul was restored from a backup.
   * @param certain reads the list again, consistently
   */
  async of<T>(list: string, answer: Answer<T>, certain: () => Promise<Answer<T>>): Promise<readonly T[]> {
    const isEarlier = answer.index < (this.#newest.get(list) ?? 0n)
    const { items, index } = isEarlier ? await certain() : answer
    // The map is in order of use, and its oldest list is dropped: programs that take service names from strangers keep adding lists.
    this.#newest.delete(list)
    this.#newest.set(list, index)
    const [oldest] = this.#newest.size > MOST_LISTS ? this.#newest.keys() : []
    if (oldest !== undefined) this.#newest.delete(oldest)
    return items
  }
}

const MOST_LISTS = 10_000
