/** A signal that wakes a waiting reader when something has changed. Several changes while no reader waits count as one. */
export class ChangeSignal {
  #isSet = false
  #wake: () => void = () => {}

  set(): void {
    this.#isSet = true
    this.#wake()
  }

  /** Resolves to `true` after a change, or to `false` when `signal` aborts. Rejects with the reason of `down` when that aborts. */
  async wait(down: AbortSignal, signal: AbortSignal): Promise<boolean> {
    const wake = (): void => this.#wake()
    down.addEventListener('abort', wake)
    signal.addEventListener('abort', wake)
    try {
      while (!signal.aborted) {
        down.throwIfAborted()
        if (this.#isSet) {
          this.#isSet = false
          return true
        }
        await new Promise<void>(resolve => (this.#wake = resolve))
      }
      return false
    } finally {
      down.removeEventListener('abort', wake)
      signal.removeEventListener('abort', wake)
    }
  }
}
