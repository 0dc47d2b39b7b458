import type { ServerEvents, ServerOptions, ServerPlugin } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { hear, say } from './say.ts'

/** Serves `Echo`, reports the events of its registration, and reads commands: `block <ms>` or `close`. */
export function serveEcho(plugin: ServerPlugin, served: Served, options: ServerOptions = {}): void {
  const { service, metadata = '', listen = '127.0.0.1:0' } = served
  const server = new Server({ lingerMs: 200, ...options })
  for (const event of EVENTS) {
    server.on(event, detail => say({ event, ...('why' in detail && { why: detail.why }) }))
  }
  server.plugins.add(plugin)
  server.registerName(service, { Echo: (value: unknown) => value }, metadata)
  void server
    .serve('tcp', listen)
    .then(() => server.published())
    .then(() => say({ event: 'published', address: server.address }))

  hear(line => {
    const [what, argument] = line.split(' ')
    if (what === 'block') block(Number(argument))
    if (what === 'close') {
      void server.close().then(() => {
        say({ event: 'closed' })
        process.stdin.destroy()
      })
    }
  })
}

export interface Served {
  readonly service: string
  readonly metadata?: string
  readonly listen?: string
}

const EVENTS = [
  'registered',
  'lost',
  'conflict',
  'withdrawn',
  'registryDown',
] as const satisfies readonly (keyof ServerEvents)[]

/** Blocks the event loop. */
function block(ms: number): void {
  say({ event: 'blocking' })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  say({ event: 'unblocked' })
}
