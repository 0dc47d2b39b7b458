/** The output of the tour: lines that stay, and in a terminal a status block below them that is redrawn. */
export class Screen {
  readonly isLive: boolean = process.stdout.isTTY === true
  #drawn = 0

  /** Prints a line that stays. */
  say(line: string): void {
    this.#erase()
    console.log(line)
  }

  /** Shows the current status. In a pipe, prints only its first line. */
  show(lines: readonly string[]): void {
    this.#erase()
    const shown = this.isLive ? lines : lines.slice(0, 1)
    for (const line of shown) console.log(this.isLive ? `\x1b[2m│\x1b[0m ${line}` : line)
    if (this.isLive) this.#drawn = shown.length
  }

  end(lines: readonly string[]): void {
    this.#erase()
    for (const line of lines) console.log(line)
  }

  #erase(): void {
    if (this.#drawn > 0) process.stdout.write(`\x1b[${this.#drawn}A\x1b[0J`)
    this.#drawn = 0
  }
}
