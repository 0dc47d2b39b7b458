import type { Candidate, KeyValue, Selector } from '@rpcx/core'
import { MultipleServersDiscovery, OneClient, Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'
import { order } from '../task.ts'
import type { Contestant, Load } from './contestant.ts'
import { awaited } from './contestant.ts'

/** rpcx with its default options. */
export const rpcx: Contestant = {
  async serve({ tls, services = 1 }) {
    const server = new Server(tls && { tls })
    server.registerName('Bench', methods)
    for (let i = 1; i < services; i++) server.registerName(`Bench${i}`, methods)
    await server.serve('tcp', '127.0.0.1:0')
    return server.address ?? ''
  },

  async connect(address, task) {
    const { exchange, bytes = 581, tls, endpoints = 1, services = 1 } = task
    const payload = Buffer.alloc(bytes, 7)
    if (services > 1) return rotating(address, payload)
    const discovery = new MultipleServersDiscovery([{ key: address }])
    const client = new XClient<typeof methods>('Bench', discovery, {
      codec: exchange === 'bytes' ? 'raw' : 'msgpack',
      ...(tls && { tls: { ca: tls.ca } }),
      // More than one connection would be a different measurement.
      ...(task.endpoints && { selectMode: only(address) }),
    })
    let a = 0
    const call = {
      bytes: () => client.call('Echo', payload),
      arith: () => client.call('Mul', { A: a++ & 1023, B: 20 }),
      object: () => client.call('EchoObject', order),
    }[exchange]
    await call()
    discovery.update([{ key: address }, ...otherServers(endpoints - 1)])
    return awaited(call)
  },
}

const methods = {
  Echo: (payload: Uint8Array): Uint8Array => payload,
  EchoObject: (value: object): object => value,
  Mul: ({ A, B }: { A: number; B: number }): { C: number } => ({ C: A * B }),
}

function only(address: string): Selector {
  let chosen: Candidate | undefined
  return { pick: servers => (chosen ??= servers.find(({ endpoint }) => endpoint.address === address)) }
}

/** Servers that are in the list but do not exist. */
function otherServers(count: number): KeyValue[] {
  return Array.from({ length: count }, (_, i) => ({ key: `tcp@127.1.${i >> 8}.${i & 255}:9` }))
}

/** Calls four services of a server in turn. */
async function rotating(address: string, payload: Uint8Array): Promise<Load> {
  type Services = Record<'Bench' | 'Bench1' | 'Bench2' | 'Bench3', typeof methods>
  const client = new OneClient<Services>(new Peer2PeerDiscovery(address), { codec: 'raw' })
  const four = (['Bench', 'Bench1', 'Bench2', 'Bench3'] as const).map(name => client.service(name))
  let turn = 0
  const call = (): Promise<unknown> => (four[turn++ & 3] as (typeof four)[number]).call('Echo', payload)
  for (let i = 0; i < 4; i++) await call()
  return awaited(call)
}
