import type { MessagePort, Worker } from 'node:worker_threads'
import { MessageChannel } from 'node:worker_threads'
import type { Listener, Transport } from '@rpcx/core'
import { PortStream } from './port-stream.ts'

/**
 * Streams between two threads of one process, for addresses such as `thread@arith`. Each stream is a message port of its own.
 *
 * @param thread leads to the other thread: a `Worker`, or in the worker its `parentPort`
 */
export function threadTransport(thread: MessagePort | Worker): Transport {
  return {
    networks: ['thread'],
    isInMemory: true,
    copiesWrites: true,
    connect: (_network, host, signal) => connect(thread, host, signal),
    async listen(_network, host, accept) {
      return listen(thread, host, stream => accept(stream, `thread@${host}`))
    },
  }
}

/** Sends one end of a new channel to the other thread, and waits until it was accepted. */
function connect(thread: MessagePort | Worker, host: string, signal: AbortSignal): Promise<PortStream> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const { port1: ours, port2: theirs } = new MessageChannel()
    const abort = (): void => {
      reject(signal.reason)
      ours.close()
    }
    const ended = (): void => {
      signal.removeEventListener('abort', abort)
      reject(new Error(`connect thread@${host}: the other thread has ended`))
    }
    ours.once('close', ended)
    ours.once('message', () => {
      signal.removeEventListener('abort', abort)
      ours.off('close', ended)
      resolve(new PortStream(ours))
    })
    signal.addEventListener('abort', abort)
    const request: ConnectRequest = { connectTo: host, port: theirs }
    thread.postMessage(request, [theirs])
  })
}

function listen(thread: MessagePort | Worker, host: string, accept: (stream: PortStream) => void): Listener {
  const open = new Set<PortStream>()
  const hear = (message: Partial<ConnectRequest> | null): void => {
    const port = message?.connectTo === host ? message.port : undefined
    // The threads may have other things to say to each other.
    if (port === undefined) return
    port.postMessage(ACCEPTED)
    const stream = new PortStream(port)
    open.add(stream)
    stream.once('close', () => open.delete(stream))
    accept(stream)
  }
  thread.on('message', hear)
  return {
    host,
    async close() {
      thread.off('message', hear)
      await Promise.all([...open].map(stream => new Promise(resolve => stream.once('close', resolve))))
    },
  }
}

/** What one thread sends the other to open a stream. */
interface ConnectRequest {
  readonly connectTo: string
  readonly port: MessagePort
}

const ACCEPTED = 'accepted'
