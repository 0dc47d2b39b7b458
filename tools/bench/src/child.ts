import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** A process of the bench, which answers each message with one message. */
export class Child implements AsyncDisposable {
  readonly #name: string
  readonly #process: ChildProcess

  /** @param program the built file that it runs. @param flags the flags of Node */
  constructor(program: string, args: readonly string[], flags: readonly string[] = []) {
    this.#name = [program, ...args].join(' ')
    this.#process = fork(new URL(`../dist/${program}`, import.meta.url), args, { execArgv: [...flags] })
  }

  ask(question: object | string): Promise<unknown> {
    this.#process.send(question)
    return this.answer()
  }

  /** Resolves to its next message. */
  async answer(): Promise<unknown> {
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(LONGEST_MS)])
    const gone = once(this.#process, 'exit', { signal }).then(() => {
      throw new Error(`${this.#name} ended`)
    })
    try {
      const [message] = await Promise.race([once(this.#process, 'message', { signal }), gone])
      return message
    } finally {
      over.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    this.#process.kill()
    await once(this.#process, 'exit')
  }
}

const LONGEST_MS = 180_000
