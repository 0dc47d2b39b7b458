import { Duplex } from 'node:stream'
import type { MessagePort } from 'node:worker_threads'
import { MessageChannel } from 'node:worker_threads'
import type { Listener, Transport } from '@rpcx/core'

type Accept = (stream: Duplex, remoteAddress: string) => void

/** Streams over the message ports of worker threads: `ipc@name`. */
export function workerTransport(): Transport {
  const listeners = new Map<string, Accept>()
  return {
    networks: ['ipc'],
    async connect(_network, host) {
      const accept = listeners.get(host)
      if (accept === undefined) throw new Error(`connect: nobody listens at ipc@${host}`)
      const { port1, port2 } = new MessageChannel()
      accept(new PortStream(port2), `ipc@${host}`)
      return new PortStream(port1)
    },
    async listen(_network, host, accept): Promise<Listener> {
      listeners.set(host, accept)
      return {
        host,
        async close() {
          listeners.delete(host)
        },
      }
    },
  }
}

/** A byte stream over a port, whose other end may be in another thread. */
class PortStream extends Duplex {
  readonly #port: MessagePort

  constructor(port: MessagePort) {
    super()
    this.#port = port
    port.on('message', (bytes: Uint8Array | null) => this.push(bytes && Buffer.from(bytes)))
    port.on('close', () => this.destroy())
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#port.postMessage(chunk)
    done()
  }

  override _final(done: () => void): void {
    this.#port.postMessage(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.close()
    done(error)
  }
}
