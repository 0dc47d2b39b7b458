/** A signal that wakes a waiting reader when something has changed. Several rings while no reader waits count as one. */
export class ChangeSignal {
  #isRung = false
  #wake: () => void = () => {}

  ring(): void {
    this.#isRung = true
    this.#wake()
  }

  /** Resolves to `true` after a ring, or to `false` when `signal` aborts. Rejects with the reason of `down` when that aborts. */
  async heard(down: AbortSignal, signal: AbortSignal): Promise<boolean> {
    const wake = (): void => this.#wake()
    down.addEventListener('abort', wake)
    signal.addEventListener('abort', wake)
    try {
      while (!signal.aborted) {
        down.throwIfAborted()
        if (this.#isRung) {
          this.#isRung = false
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
