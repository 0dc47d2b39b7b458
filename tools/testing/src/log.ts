import { inspect } from 'node:util'

/** An entry of a log, and its time by `performance.now()`. */
export interface Happened<T> {
  readonly what: T
  readonly at: number
}

/** A log of what happened, in order. Callers can wait for further entries. */
export class Log<T> {
  readonly #all: Happened<T>[] = []
  readonly #waiting = new Set<() => void>()

  get all(): readonly T[] {
    return this.#all.map(({ what }) => what)
  }

  get last(): T | undefined {
    return this.#all.at(-1)?.what
  }

  /** The index of the next entry, for `since` and `until`. */
  get mark(): number {
    return this.#all.length
  }

  since(mark: number): readonly T[] {
    return this.all.slice(mark)
  }

  add(what: T): void {
    this.#all.push({ what, at: performance.now() })
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** Returns the first matching entry from `mark` on, and waits for it. @throws Error with the last entry when none matches within `ms` */
  async until(isSo: (what: T) => boolean, mark = 0, ms = 60_000): Promise<Happened<T>> {
    const end = performance.now() + ms
    for (let i = mark; ; i++) {
      while (i >= this.#all.length) await this.#next(end, isSo)
      const happened = this.#all[i] as Happened<T>
      if (isSo(happened.what)) return happened
    }
  }

  #next(end: number, isSo: (what: T) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void =>
        reject(new Error(`waited in vain for ${isSo}; last was ${inspect(this.last)}`))
      const timer = setTimeout(giveUp, end - performance.now())
      this.#waiting.add(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
