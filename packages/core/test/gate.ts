/** A promise that the test settles. Methods wait for it. */
export class Gate<T = void> {
  readonly opened: Promise<T>
  open!: (value: T) => void
  fail!: (error: unknown) => void

  constructor() {
    this.opened = new Promise((resolve, reject) => {
      this.open = resolve
      this.fail = reject
    })
    // Callers that wait get the failure, but nobody has to wait.
    this.opened.catch(() => {})
  }
}
