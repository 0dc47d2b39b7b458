/** Something that ends when a signal aborts. */
export interface Endable {
  fail(reason: unknown): void
}

/**
 * The targets that each signal ends. Each signal has one listener, however many calls share it, because Node warns about more than ten.
 * `AbortSignal.any` is no alternative: the signals that it joins stay in memory as long as one of them lives.
 */
const endedBy = new WeakMap<AbortSignal, Ending>()

/** Ends `target` when the signal aborts, or at once when it has aborted. Returns a function that cancels this. */
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

/** A signal that aborts with the first of several signals. `release` detaches it from them. */
export interface Either {
  readonly signal: AbortSignal
  release(): void
}

/** Combines signals as `AbortSignal.any` does, but leaves nothing in memory at the signals after `release`. */
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
  /** Most signals end one thing at a time, which needs no set. */
  #first: Endable | undefined
  #others: Set<Endable> | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(target: Endable): () => void {
    if (this.#isEmpty) this.#signal.addEventListener('abort', this)
    if (this.#first === undefined) this.#first = target
    else {
      this.#others ??= new Set()
      this.#others.add(target)
    }
    return () => this.#remove(target)
  }

  /** The method that a signal calls of a listener that is an object. */
  handleEvent(): void {
    const { reason } = this.#signal
    const others = [...(this.#others ?? [])]
    this.#first?.fail(reason)
    for (const target of others) target.fail(reason)
  }

  get #isEmpty(): boolean {
    return this.#first === undefined && !this.#others?.size
  }

  #remove(target: Endable): void {
    if (this.#first === target) this.#first = undefined
    else if (!this.#others?.delete(target)) return
    if (this.#isEmpty) this.#signal.removeEventListener('abort', this)
  }
}
