import { Server } from '@rpcx/core'
import { hear } from '@rpcx/testing/programs'
import { MDNSRegisterPlugin } from '../../src/index.ts'

// Serves `Echo` under each of its names, tells each event as a line, and reads what to do next.
const settings = JSON.parse(process.argv[2] ?? '{}') as {
  interfaces?: string
  port?: number
  services: readonly string[]
  metadata?: string
  listen?: string
}
const { services, metadata = '', listen = '127.0.0.1:0', interfaces = [], port = 5353 } = settings

const server = new Server({ lingerMs: 200 })
for (const event of [
  'registered',
  'lost',
  'conflict',
  'withdrawn',
  'registryDown',
  'registryBack',
] as const) {
  server.on(event, detail =>
    say({
      event,
      ...('why' in detail && { why: detail.why }),
      ...('error' in detail && { error: detail.error.message }),
    }),
  )
}
server.plugins.add(new MDNSRegisterPlugin({ interfaces, port, updateIntervalMs: 0 }))
for (const service of services) {
  server.registerName(service, { Echo: (value: unknown) => value }, metadata)
}
void server
  .serve('tcp', listen)
  .then(() => server.published())
  .then(() => say({ event: 'published', address: server.address, at: Date.now() }))

hear(line => {
  const [what, argument = ''] = line.split(' ')
  if (what === 'set') {
    const [service = ''] = services
    void server.setMetadata(service, argument).then(() => say({ event: 'set', at: Date.now() }))
  }
  if (what === 'add') {
    server.registerName(argument, { Echo: (value: unknown) => value }, metadata)
    void server.published().then(() => say({ event: 'added', service: argument, at: Date.now() }))
  }
  if (what === 'close') {
    void server.close().then(() => {
      say({ event: 'closed', at: Date.now() })
      process.stdin.destroy()
    })
  }
})

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
