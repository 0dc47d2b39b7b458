import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A program of `test/programs` in its own process, which reports its progress as lines. */
export class Program {
  readonly lines: string[] = []
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>
  readonly #process: ChildProcess
  #stderr = ''

  constructor(name: string, ...args: readonly string[]) {
    const path = fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url))
    const node = ['--import', 'tsx', '--conditions=@rpcx/source', '--expose-gc', path, ...args]
    this.#process = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process.stderr?.on('data', chunk => {
      this.#stderr += chunk
    })
    if (this.#process.stdout !== null) {
      createInterface(this.#process.stdout).on('line', line => {
        this.lines.push(line)
        this.#process.emit('line')
      })
    }
    this.exit = once(this.#process, 'close').then(([code, signal]) => ({ code, signal }))
  }

  /** Its standard error output. */
  get stderr(): string {
    return this.#stderr
  }

  /** Resolves to the line with this number, counted from 0, when it has come. */
  async line(index: number): Promise<string> {
    while (this.lines[index] === undefined) {
      const over = await Promise.race([once(this.#process, 'line'), this.exit])
      if (!Array.isArray(over) && this.lines[index] === undefined)
        throw new Error(`ended after ${this.lines.length} lines: ${this.#stderr}`)
    }
    return this.lines[index]
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  async close(): Promise<void> {
    this.kill()
    await this.exit
  }
}
