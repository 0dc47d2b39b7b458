/** The actions of a run, with their times in milliseconds since its start. */
export class Journal {
  readonly #lines: string[] = []
  readonly #began = performance.now()
  /** The start of the run, by the clock that all processes share. */
  readonly epoch: number = Date.now()

  now(): number {
    return performance.now() - this.#began
  }

  add(what: string): void {
    this.#lines.push(`${(this.now() / 1_000).toFixed(3).padStart(8)} s  ${what}`)
  }

  toString(): string {
    return this.#lines.join('\n')
  }
}
