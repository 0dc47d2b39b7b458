import type { Duplex } from 'node:stream'
import { lazy } from '../lazy.ts'
import type { Transport } from './transport.ts'

/** Streams inside this process, `memu@name` in Go's notation: the whole protocol without a socket. */
export const memory: Transport = {
  networks: ['memu'],
  isInMemory: true,

  connect(_network, host, signal) {
    if (signal.aborted) return Promise.reject(signal.reason)
    const accept = listeners.get(host)
    if (accept === undefined) return Promise.reject(new Error(`connect: nobody listens at memu@${host}`))
    const [ours, theirs] = lazy.stream.duplexPair()
    // Like sockets: when one end closes, the other closes, too.
    ours.once('close', () => theirs.destroy())
    theirs.once('close', () => ours.destroy())
    accept(theirs, `memu@${host}`)
    return Promise.resolve(ours)
  },

  listen(_network, host, accept) {
    if (listeners.has(host)) return Promise.reject(new Error(`listen: memu@${host} is taken`))
    listeners.set(host, accept)
    return Promise.resolve({
      host,
      close() {
        if (listeners.get(host) === accept) listeners.delete(host)
        return Promise.resolve()
      },
    })
  },
}

type Accept = (stream: Duplex, remoteAddress: string) => void

// On `globalThis`, so that two copies of this package in one tree reach each other.
const SHARED: unique symbol = Symbol.for('rpcx.memory') as never
const shared = globalThis as { [SHARED]?: Map<string, Accept> }
shared[SHARED] ??= new Map()
const listeners: Map<string, Accept> = shared[SHARED]
