import { lstat, rm } from 'node:fs/promises'
import type { AddressInfo, ListenOptions, NetConnectOpts, OnReadOpts, Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatHostPort, parseHostPort } from '../address.ts'
import { lazy } from '../lazy.ts'
import { LENT } from './frame-stream.ts'
import type { Listener, Transport } from './transport.ts'

/** TCP. */
export const tcp: Transport = {
  networks: ['tcp', 'tcp4', 'tcp6'],
  copiesWrites: true,
  hasHosts: true,

  connect(network, host, signal, isWrapped = false) {
    return new Promise((resolve, reject) => {
      const socket: Socket = lazy.net.connect({
        ...target(network, host),
        ...(!isWrapped && { onread: sharedReads(() => socket) }),
      })
      const abort = (): void => {
        socket.destroy()
        reject(signal.reason)
      }
      const settle = (): void => {
        signal.removeEventListener('abort', abort)
        socket.off('error', reject)
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      socket.once('error', settle).once('error', reject)
      socket.once('connect', () => {
        settle()
        resolve(socket)
      })
    })
  },

  async listen(network, host, accept) {
    const server = lazy.net.createServer(SOCKET, socket => accept(socket, remoteAddressOf(socket, network)))
    const place: ListenOptions =
      network === 'unix' ? { path: host } : { ...parseHostPort(host), ipv6Only: network === 'tcp6' }
    // Otherwise all workers of node:cluster would share one free port, and each would register the same address.
    if (place.port === 0) place.exclusive = true
    if (place.host === '') delete place.host
    if (network === 'tcp4' && place.host === undefined) place.host = '0.0.0.0'
    await listening(server, place).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' || network !== 'unix' || !(await isAbandoned(host))) throw error
      await rm(host)
      await listening(server, place)
    })
    return new TcpListener(server, host)
  },
}

/** Unix domain sockets. */
export const unix: Transport = { ...tcp, networks: ['unix'], hasHosts: false }

/** Returns the address of the other end, such as `tcp@127.0.0.1:53412`. Returns only `network@` when it is unknown, as on unix sockets. */
export function remoteAddressOf(socket: Socket, network: string): string {
  if (socket.remoteAddress === undefined || socket.remotePort === undefined) return `${network}@`
  return `${network}@${formatHostPort(socket.remoteAddress, socket.remotePort)}`
}

// With keep-alive, the kernel detects a peer that vanished without a FIN, even if nothing is sent.
const SOCKET = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 } as const

/**
 * Options by which all client sockets read into the same memory. Otherwise each read would allocate 64 KiB.
 * Node has no such option for accepted sockets.
 *
 * @param socket the socket that reads; Node passes it as `this`, Bun does not
 */
function sharedReads(socket: () => Socket): OnReadOpts {
  return {
    buffer,
    callback(length, bytes) {
      const chunk = (bytes as Buffer).subarray(0, length)
      return socket().emit(LENT, chunk) || socket().push(Buffer.from(chunk))
    },
  }
}

const buffer = Buffer.allocUnsafeSlow(64 * 1024)

class TcpListener implements Listener {
  readonly host: string
  readonly #server: Server
  constructor(server: Server, host: string) {
    this.#server = server
    const address = server.address()
    this.host = isInfo(address) ? formatHostPort(address.address, address.port) : host
  }
  close(): Promise<void> {
    return new Promise(resolve => this.#server.close(() => resolve()))
  }
}

function isInfo(address: ReturnType<Server['address']>): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

function target(network: string, host: string): NetConnectOpts {
  if (network === 'unix') return { path: host }
  const family = network === 'tcp4' ? 4 : network === 'tcp6' ? 6 : undefined
  return { ...SOCKET, ...parseHostPort(host), ...(family !== undefined && { family }) }
}

function listening(server: Server, place: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(place, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Returns whether a crashed server left this socket file behind, so that connections are refused. */
async function isAbandoned(path: string): Promise<boolean> {
  // Linux also refuses connections to other files, which must not be removed.
  if (!(await lstat(path)).isSocket()) return false
  const stream: Duplex | string = await tcp
    .connect('unix', path, AbortSignal.timeout(1000))
    .catch((error: NodeJS.ErrnoException) => error.code ?? '')
  if (typeof stream === 'string') return stream === 'ECONNREFUSED'
  stream.destroy()
  return false
}
