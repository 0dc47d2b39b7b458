import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Log } from './log.ts'

/** A program in its own process. It gets its settings as JSON, and reports its events as lines of JSON. */
export class Program {
  readonly events: Log<Line> = new Log<Line>()
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>
  readonly #process: ChildProcess

  /** @param within the command that starts it, for example in another network: `['ip', 'netns', 'exec', 'host1']` */
  constructor(file: URL, settings: object, within: readonly string[] = []) {
    const [command = '', ...args] = [
      ...within,
      process.execPath,
      '--conditions=@rpcx/source',
      '--import',
      'tsx',
      fileURLToPath(file),
      JSON.stringify(settings),
    ]
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.exit = once(this.#process, 'close').then(([code, signal]) => ({ code, signal }))
    // A killed program may have unread output.
    this.#process.stdin?.on('error', () => {})
    if (this.#process.stdout !== null) {
      createInterface(this.#process.stdout).on('line', line => this.events.add(JSON.parse(line) as Line))
    }
  }

  /** Sends a line to the program. */
  say(text: string): void {
    this.#process.stdin?.write(`${text}\n`)
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void {
    this.#process.kill(name)
  }

  async close(): Promise<void> {
    this.signal('SIGKILL')
    await this.exit
  }
}

export interface Line {
  readonly event: string
  readonly [field: string]: unknown
}
