import type { Answer } from './agent.ts'

/** Where each list was last: it must not go back in time. */
export class WatchIndex {
  readonly #newest = new Map<string, bigint>()

  /**
   * What `answer` says of `list`, unless it is of an earlier time: another agent or a new leader may not be so far yet. When
   * all was restored, it is so for certain.
   * @param certain reads it again, consistently
   */
  async of<T>(list: string, answer: Answer<T>, certain: () => Promise<Answer<T>>): Promise<readonly T[]> {
    const isEarlier = answer.index < (this.#newest.get(list) ?? 0n)
    const { items, index } = isEarlier ? await certain() : answer
    // The list that was asked for last comes last: whoever takes names from strangers asks for ever new ones.
    this.#newest.delete(list)
    this.#newest.set(list, index)
    const [oldest] = this.#newest.size > MOST_LISTS ? this.#newest.keys() : []
    if (oldest !== undefined) this.#newest.delete(oldest)
    return items
  }
}

const MOST_LISTS = 10_000
