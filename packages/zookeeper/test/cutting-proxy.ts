import type { Socket } from 'node:net'
import { createConnection, createServer } from 'node:net'

/** A proxy that can cut a connection in the middle of a reply. */
export class Cutter {
  readonly port: number
  readonly #server: ReturnType<typeof createServer>
  readonly #open: Set<Socket>
  readonly #cut: { at: number }

  private constructor(
    server: ReturnType<typeof createServer>,
    port: number,
    open: Set<Socket>,
    cut: { at: number },
  ) {
    this.#server = server
    this.port = port
    this.#open = open
    this.#cut = cut
  }

  static async open(target: string, host = '127.0.0.1'): Promise<Cutter> {
    const { hostname, port } = new URL(`tcp://${target}`)
    const open = new Set<Socket>()
    const cut = { at: Number.POSITIVE_INFINITY }
    const server = createServer(client => {
      const upstream = createConnection(Number(port), hostname)
      for (const socket of [client, upstream]) open.add(socket.on('error', () => {}))
      client.on('data', chunk => upstream.write(chunk)).on('close', () => upstream.destroy())
      upstream.on('close', () => client.destroy())
      upstream.on('data', chunk => {
        if (cut.at > chunk.length) client.write(chunk)
        else {
          client.write(chunk.subarray(0, cut.at), () => client.destroy())
          cut.at = Number.POSITIVE_INFINITY
        }
      })
    })
    await new Promise<void>(resolve => server.listen(0, host, resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return new Cutter(server, address.port, open, cut)
  }

  /** Forwards only this many bytes of the next reply, then ends its connection. */
  cutNextAnswer(bytes: number): void {
    this.#cut.at = bytes
  }

  close(): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    return new Promise(resolve => this.#server.close(() => resolve()))
  }
}
