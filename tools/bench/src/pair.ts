import { Child } from './child.ts'
import type { ContestantName } from './contestants/index.ts'
import type { Task } from './task.ts'

/** An order to a client process: calls per second with this many running, or the 99th percentile in milliseconds at this rate. */
export type Order =
  | { readonly concurrency: number; readonly ms: number }
  | { readonly perSecond: number; readonly ms: number }

/** A server process of one contestant, and a client process that calls it when asked. */
export class Pair implements AsyncDisposable {
  readonly #server: Child
  readonly #client: Child

  private constructor(server: Child, client: Child) {
    this.#server = server
    this.#client = client
  }

  /** @param flags of Node */
  static async start(contestant: ContestantName, task: Task, flags: readonly string[] = []): Promise<Pair> {
    const server = new Child('server.js', [contestant, JSON.stringify(task)], flags)
    const address = String(await server.answer())
    const client = new Child('client.js', [contestant, JSON.stringify(task), address], flags)
    await client.answer()
    return new Pair(server, client)
  }

  async run(order: Order): Promise<number> {
    return Number(await this.#client.ask(order))
  }

  /** Returns the CPU time of the server so far, in microseconds. */
  async serverCpu(): Promise<number> {
    return Number(await this.#server.ask('cpu'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
    await this.#server[Symbol.asyncDispose]()
  }
}
