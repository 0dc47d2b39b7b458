import type { ServerEvents, ServerOptions, ServerPlugin } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { hear, say, settings } from './say.ts'

/**
 * Serves `Echo`, reports the events of its registration, and reads commands: `block <ms>` or `close`.
 * @param plugin makes the register plugin of the settings that are not the server's own
 */
export function serveEcho<P>(plugin: (own: P) => ServerPlugin, options: ServerOptions = {}): void {
  const { service, metadata = '', listen = '127.0.0.1:0', ...own } = settings<Served>()
  const server = new Server({ lingerMs: 200, ...options })
  for (const event of EVENTS) {
    server.on(event, detail => say({ event, ...('why' in detail && { why: detail.why }) }))
  }
  server.plugins.add(plugin(own as P))
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

interface Served {
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
