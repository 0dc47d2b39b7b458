/** What the tour prints: lines that stay, and in a terminal a block below them that is drawn anew. */
export class Screen {
  readonly isLive: boolean = process.stdout.isTTY === true
  #drawn = 0

  /** A line that stays. */
  say(line: string): void {
    this.#erase()
    console.log(line)
  }

  /** The state right now. In a pipe: its first line only. */
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
