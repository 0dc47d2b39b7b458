import { checkCount } from './options.ts'
import { endWith } from './signals.ts'

/** A limit on how many operations run at the same time. Others wait for their turn, in order. */
export class Semaphore {
  #free: number
  readonly #waiting = new Set<() => void>()

  /** @param permits how many operations may run at the same time, from 1 up @throws RangeError */
  constructor(permits: number) {
    checkCount('Semaphore', 'permits', permits, 1)
    this.#free = permits
  }

  /** Runs `operation` when it is its turn. Rejects with the reason of `signal` when that aborts before. */
  async run<T>(operation: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      return await operation()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#free++
      else next()
    }
  }

  /** Resolves when another operation has passed its permit on. */
  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        this.#waiting.delete(next)
        release?.()
        resolve()
      }
      this.#waiting.add(next)
      const fail = (reason: unknown): void => {
        this.#waiting.delete(next)
        release?.()
        reject(reason)
      }
      const release = signal && endWith({ fail }, signal)
    })
  }
}
