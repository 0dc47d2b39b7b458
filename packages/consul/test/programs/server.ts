import { createInterface } from 'node:readline'
import { Server } from '@rpcx/core'
import { ConsulRegisterPlugin } from '../../src/index.ts'

// Serves `Echo` as told by its argument, tells each event as a line, and reads what to do next.
const settings = JSON.parse(process.argv[2] ?? '{}') as {
  basePath: string
  consulServers: string
  service: string
  metadata?: string
  listen?: string
  ttlMs: number
  catalog?: boolean
}
const {
  service,
  metadata = '',
  listen = '127.0.0.1:0',
  ttlMs,
  basePath,
  consulServers,
  catalog = false,
} = settings

const server = new Server({ lingerMs: 200 })
for (const event of ['registered', 'lost', 'conflict', 'withdrawn'] as const) {
  server.on(event, detail => say({ event, ...('why' in detail && { why: detail.why }) }))
}
server.plugins.add(new ConsulRegisterPlugin({ basePath, consulServers, ttlMs, catalog, updateIntervalMs: 0 }))
server.registerName(service, { Echo: (value: unknown) => value }, metadata)
void server
  .serve('tcp', listen)
  .then(() => server.published())
  .then(() => say({ event: 'published', address: server.address }))

createInterface(process.stdin).on('line', line => {
  const [what, argument] = line.split(' ')
  if (what === 'block') block(Number(argument))
  if (what === 'close') {
    void server.close().then(() => {
      say({ event: 'closed' })
      process.stdin.destroy()
    })
  }
})

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Nothing else runs in this process meanwhile. */
function block(ms: number): void {
  say({ event: 'blocking' })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  say({ event: 'unblocked' })
}
