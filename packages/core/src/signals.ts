/** What ends when a signal aborts. */
export interface Endable {
  fail(reason: unknown): void
}

/**
 * What each signal ends. One listener for each signal, however many calls share it: Node warns of eleven, and signals that were joined by
 * `AbortSignal.any` stay as long as one of them lives.
 */
const endedBy = new WeakMap<AbortSignal, Ending>()

/** Ends something when the signal aborts, at once when it has. Returns what stops that. */
export function endWith(target: Endable, signal: AbortSignal): () => void {
  if (signal.aborted) {
    target.fail(signal.reason)
    return () => {}
  }
  let ending = endedBy.get(signal)
  if (ending === undefined) {
    ending = new Ending(signal)
    endedBy.set(signal, ending)
  }
  return ending.add(target)
}

class Ending {
  readonly #signal: AbortSignal
  readonly #targets = new Set<Endable>()
  readonly #abort = (): void => {
    for (const target of [...this.#targets]) target.fail(this.#signal.reason)
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(target: Endable): () => void {
    if (this.#targets.size === 0) this.#signal.addEventListener('abort', this.#abort)
    this.#targets.add(target)
    return () => {
      if (this.#targets.delete(target) && this.#targets.size === 0)
        this.#signal.removeEventListener('abort', this.#abort)
    }
  }
}
