import { inspect } from 'node:util'
import { reasonOf } from '@rpcx/core'

/** What happened, in order, and those who wait for more. */
export class Log<T> {
  readonly #signal: AbortSignal
  readonly #all: T[] = []
  readonly #waiting = new Set<() => void>()
  #failure: Error | undefined

  /** @param signal ends all waits */
  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  get all(): readonly T[] {
    return this.#all
  }

  get last(): T | undefined {
    return this.#all.at(-1)
  }

  add(entry: T): void {
    this.#all.push(entry)
    this.#wake()
  }

  /** Nothing more will come. */
  fail(error: Error): void {
    this.#failure = error
    this.#wake()
  }

  /** The first that is so, from number `from` on. @throws Error that says what was waited for */
  async until(what: string, isSo: (entry: T) => boolean, from = 0): Promise<T> {
    for (let i = from; ; i++) {
      while (i >= this.#all.length) {
        const cause = this.#failure
        if (this.#signal.aborted || cause !== undefined) {
          const why = cause === undefined ? '' : `: ${reasonOf(cause)}`
          throw new Error(`waited in vain for ${what}; last was ${show(this.last)}${why}`, { cause })
        }
        await new Promise<void>(resolve => this.#waiting.add(resolve))
      }
      const entry = this.#all[i] as T
      if (isSo(entry)) return entry
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

function show(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY })
}
