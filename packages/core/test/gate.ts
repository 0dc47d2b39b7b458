/** A promise that others settle: methods wait at it, tests open it. */
export class Gate<T = void> {
  readonly opened: Promise<T>
  open!: (value: T) => void
  fail!: (error: unknown) => void

  constructor() {
    this.opened = new Promise((resolve, reject) => {
      this.open = resolve
      this.fail = reject
    })
    // Whoever waits here hears of a failure; nobody has to.
    this.opened.catch(() => {})
  }
}
