import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface TerminalOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
}

/** A program in its own process, as a user runs it, with its lines of output. */
export class Terminal implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #exited: Promise<number | null>
  #heard: () => void = () => {}

  constructor([command = '', ...args]: readonly string[], options: TerminalOptions) {
    this.#child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#exited = new Promise(resolve => this.#child.once('exit', code => resolve(code)))
    if (this.#child.stdout === null) throw new Error('no stdout')
    createInterface(this.#child.stdout).on('line', line => {
      this.#lines.push(line)
      this.#heard()
    })
  }

  /** All output so far. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /** Returns the first match in a line, from line number `from` on, and waits for it. */
  async line(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    for (let i = from; ; i++) {
      while (i >= this.#lines.length) await new Promise<void>(resolve => (this.#heard = resolve))
      const match = pattern.exec(this.#lines[i] ?? '')
      if (match !== null) return match
    }
  }

  /** Its exit code. */
  exit(): Promise<number | null> {
    return this.#exited
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal)
    await this.#exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
