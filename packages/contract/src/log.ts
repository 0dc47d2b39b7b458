import { inspect } from 'node:util'
import { reasonOf } from '@rpcx/core'

/** A log of what happened, in order. Callers can wait for further entries. */
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

  /** Ends the log with an error, which all waits throw. */
  fail(error: Error): void {
    this.#failure = error
    this.#wake()
  }

  /** Returns the first entry from index `from` on for which `isSo` holds, and waits for it. @throws Error that says what it waited for */
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
