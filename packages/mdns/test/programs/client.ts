import { hear } from '@rpcx/testing/programs'
import { MDNSDiscovery } from '../../src/index.ts'

// Follows services and tells every list as a line.
const settings = JSON.parse(process.argv[2] ?? '{}') as {
  interfaces?: string
  port?: number
  services: readonly string[]
}
const { services, interfaces = [], port = 5353 } = settings

const discovery = new MDNSDiscovery({ interfaces, port })
for (const event of ['registryDown', 'registryBack'] as const) discovery.on(event, () => say({ event }))
for (const service of services) void follow(service)

hear(line => {
  const [what, service = '', address = ''] = line.split(' ')
  if (what === 'verify') discovery.verify(service, address)
  if (what === 'close') void discovery.close().then(() => process.stdin.destroy())
})

async function follow(service: string): Promise<void> {
  for await (const endpoints of discovery.watch(service)) {
    const servers = Object.fromEntries(endpoints.map(({ address, metadata }) => [address, metadata]))
    say({ event: 'list', service, servers, at: Date.now() })
  }
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
