import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** What a client process is asked for. */
export interface Order {
  readonly concurrency: number
  readonly ms: number
}

/** One contestant: a server process, and a client process that calls it on order. */
export class Peer implements AsyncDisposable {
  readonly #server: ChildProcess
  readonly #client: ChildProcess

  private constructor(server: ChildProcess, client: ChildProcess) {
    this.#server = server
    this.#client = client
  }

  static async start(name: string): Promise<Peer> {
    const server = fork(new URL(`./${name}-server.js`, import.meta.url))
    const [address] = await once(server, 'message')
    const client = fork(new URL(`./${name}-client.js`, import.meta.url), [String(address)])
    await once(client, 'message')
    return new Peer(server, client)
  }

  /** Calls per second. */
  async run(concurrency: number, ms: number): Promise<number> {
    const order: Order = { concurrency, ms }
    this.#client.send(order)
    const [callsPerSecond] = await once(this.#client, 'message')
    return Number(callsPerSecond)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.#client, this.#server]) {
      child.kill()
      await once(child, 'exit')
    }
  }
}
