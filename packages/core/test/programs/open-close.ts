import { getEventListeners, setMaxListeners } from 'node:events'
import { MultipleServersDiscovery, Server, XClient } from '@rpcx/core'

// Opens and closes servers and clients repeatedly, and reports what is left behind.
const [network = 'tcp', rounds = '200'] = process.argv.slice(2)

async function round(signal: AbortSignal): Promise<void> {
  const server = new Server({ lingerMs: 0 })
  server.registerName('Echo', { echo: (value: unknown) => value })
  await server.serve(network, network === 'tcp' ? '127.0.0.1:0' : server.id)
  const discovery = new MultipleServersDiscovery([{ key: server.address ?? '' }])
  const client = new XClient<{ echo(value: number): number }>('Echo', discovery)
  await client.call('echo', 1, { signal })
  await client.notify('echo', 2, { signal })
  await client.close()
  await discovery.close()
  await server.close()
}

/** Resolves after the handles that closed in this turn are gone. */
async function left(): Promise<string> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
  return process.getActiveResourcesInfo().sort().join()
}

const warnings: string[] = []
process.on('warning', warning => warnings.push(warning.message))
const { signal } = new AbortController()
setMaxListeners(2, signal)
await round(signal)
const before = await left()
globalThis.gc?.()
const heapBefore = process.memoryUsage().heapUsed
for (let i = 0; i < Number(rounds); i++) await round(signal)
const after = await left()
globalThis.gc?.()
const grownKiB = Math.round((process.memoryUsage().heapUsed - heapBefore) / 1024)
const listeners = getEventListeners(signal, 'abort').length
console.log(JSON.stringify({ before, after, warnings, listeners, grownKiB }))
