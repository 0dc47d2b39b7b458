import { MultipleServersDiscovery, RpcxError, Server, XClient } from '@rpcx/core'
import { sameZone } from './same-zone.ts'

interface WhereService {
  Am(): string
}

async function serverIn(zone: string, isFull: boolean): Promise<Server> {
  const server = new Server()
  server.plugins.add({
    attach: () => ({
      beforeCall() {
        if (isFull) throw new RpcxError('ERR_RPCX_NOT_EXECUTED', 'this server is full')
      },
    }),
  })
  server.registerName('Where', { Am: () => `in ${zone}` }, `zone=${zone}`)
  await server.serve('tcp', '127.0.0.1:0')
  return server
}

await using full = await serverIn('east', true)
await using east = await serverIn('east', false)
await using west = await serverIn('west', false)

await using discovery = new MultipleServersDiscovery(
  [full, east, west].map((server, i) => ({
    key: server.address ?? '',
    value: `zone=${i < 2 ? 'east' : 'west'}`,
  })),
)
await using where = new XClient<WhereService>('Where', discovery, {
  failMode: sameZone,
  // The first call goes to the server that is full.
  selectMode: { pick: candidates => candidates.find(({ endpoint }) => endpoint.address === full.address) },
})

console.log(`answered ${await where.call('Am')}`)
