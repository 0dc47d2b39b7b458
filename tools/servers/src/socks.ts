import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { ClusterNetwork } from './cluster-network.ts'
import type { Reservation } from './ports.ts'

/** A SOCKS server for each member of a cluster. */
export interface Socks extends AsyncDisposable {
  /** Their ports on 127.0.0.1, in the order of the members. */
  readonly ports: readonly number[]
}

/**
 * Starts SOCKS 5 servers (RFC 1928) through which the members dial each other. Such a server knows who dials, which
 * a proxy in front of the dialed member cannot tell, and needs no other addresses than the members' own.
 */
export async function startSocks(
  network: ClusterNetwork,
  reservations: readonly Reservation[],
): Promise<Socks> {
  const servers = reservations.map((_, from) =>
    createServer({ allowHalfOpen: true, noDelay: true }, client => {
      // A forgotten cluster must not keep a finished process alive.
      client.unref()
      pass(client, network, from, reservations).catch(() => client.resetAndDestroy())
    }),
  )
  for (const server of servers) await once(server.listen(0, '127.0.0.1').unref(), 'listening')
  return {
    ports: servers.map(server => (server.address() as AddressInfo).port),
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close()
    },
  }
}

const noPassword = '\x05\x00'
const succeeded = '\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00'
/** The length of an address by its type. A name has another type, and its length precedes it. */
const addressBytes: Readonly<Record<number, number>> = { 1: 4, 4: 16 }

async function pass(
  client: Socket,
  network: ClusterNetwork,
  from: number,
  reservations: readonly Reservation[],
): Promise<void> {
  client.on('error', () => {})
  const port = await dialedPort(client)
  const to = reservations.findIndex(({ ports }) => ports.includes(port))
  if (to < 0) throw new Error(`port ${port} is no member's`)
  network.connect(client, from, to, { host: '127.0.0.1', port }, succeeded)
}

async function dialedPort(client: Socket): Promise<number> {
  const [, methods] = await take(client, 2)
  await take(client, methods as number)
  client.write(noPassword, 'latin1')
  const type = (await take(client, 4))[3] as number
  await take(client, addressBytes[type] ?? ((await take(client, 1))[0] as number))
  return (await take(client, 2)).readUInt16BE()
}

async function take(client: Socket, bytes: number): Promise<Buffer> {
  const signal = AbortSignal.timeout(5_000)
  for (;;) {
    const taken = client.read(bytes) as Buffer | null
    if (taken?.length === bytes) return taken
    if (client.readableEnded || client.destroyed) throw new Error('it ended before it said where to')
    await once(client, 'readable', { signal })
  }
}
