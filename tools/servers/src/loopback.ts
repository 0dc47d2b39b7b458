import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { ClusterNetwork } from './cluster-network.ts'
import type { Reservation } from './ports.ts'

/** The two addresses of a member within 127.0.0.0/8. Only Linux has this whole network. */
export interface LoopbackHost {
  /** The address that the member binds, and from which it dials. */
  readonly own: string
  /** The address that others dial. This process listens on the same ports. */
  readonly advertised: string
}

export function loopbackHost(member: number): LoopbackHost {
  return { own: `127.1.0.${member + 1}`, advertised: `127.2.0.${member + 1}` }
}

/**
 * Listens on every member's advertised address, on its second port by TCP and on its third by TCP and UDP, and
 * forwards to its own one. Who speaks shows in the address that it comes from, except for 127.0.0.1.
 */
export async function forwardLoopback(
  network: ClusterNetwork,
  reservations: readonly Reservation[],
): Promise<AsyncDisposable> {
  const hosts = reservations.map((_, index) => loopbackHost(index))
  const memberAt = (address: string | undefined) => {
    const index = hosts.findIndex(({ own }) => own === address)
    return index < 0 ? undefined : index
  }
  const servers: Server[] = []
  const relays: UdpSocket[] = []
  const opened = {
    async [Symbol.asyncDispose]() {
      for (const open of [...servers.splice(0), ...relays.splice(0)]) open.close()
    },
  }
  try {
    for (const [to, { ports }] of reservations.entries()) {
      const { own, advertised } = hosts[to] as LoopbackHost
      for (const port of [ports[1], ports[2]]) {
        const server = createServer({ allowHalfOpen: true, noDelay: true }, client =>
          network.connect(client, memberAt(client.remoteAddress), to, { host: own, port }),
        )
        await once(server.listen(port, advertised).unref(), 'listening')
        servers.push(server)
      }
      const relay = createSocket('udp4').unref()
      await once(relay.bind(ports[2], advertised), 'listening')
      relays.push(relay)
      relay.on('error', () => {})
      relay.on('message', (datagram, { address }) => {
        const from = memberAt(address)
        // Forwarded from the sender's advertised address, so that the reply goes there.
        if (from !== undefined && network.isOpen(from, to)) relays[from]?.send(datagram, ports[2], own)
      })
    }
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
  return opened
}
