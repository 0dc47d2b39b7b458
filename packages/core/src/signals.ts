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

/** A signal that aborts with the first of several, and no longer hangs on them once it is released. */
export interface Either {
  readonly signal: AbortSignal
  release(): void
}

/** As `AbortSignal.any`, which leaves something behind at each signal for as long as that lives. */
export function either(...signals: readonly AbortSignal[]): Either {
  const first = new AbortController()
  const target = { fail: (reason: unknown) => first.abort(reason) }
  const releases = signals.map(signal => endWith(target, signal))
  const release = (): void => {
    for (const releaseOne of releases) releaseOne()
  }
  return { signal: first.signal, release }
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
