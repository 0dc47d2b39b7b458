import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Server, XClient } from '@rpcx/core'
import { expect, onTestFinished, test } from 'vitest'
import { InprocessDiscovery, InprocessRegisterPlugin } from '../src/index.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('Services with ever new names that are registered and unregistered leave nothing behind at their server', async () => {
  const server = opened(new Server({ lingerMs: 0, noticeMs: 0 }))
  server.plugins.add(new InprocessRegisterPlugin({ registry: 'services' }))
  await server.serve('memu', 'services')
  let n = 0
  const grown = await bytesPerRound(1_500, async () => {
    const name = `Service${n++}`
    server.registerName(name, { echo: (value: unknown) => value })
    await server.published()
    await server.unregister(name)
  })
  expect(grown).toBeLessThan(150)
})

test('Clients that open and close leave nothing behind at their discovery, nor discoveries at their registry', async () => {
  const server = opened(new Server({ lingerMs: 0, noticeMs: 0 }))
  server.plugins.add(new InprocessRegisterPlugin({ registry: 'clients' }))
  server.registerName('Echo', { echo: (value: unknown) => value })
  await server.serve('memu', 'clients')
  const shared = opened(new InprocessDiscovery({ registry: 'clients' }))
  const grown = await bytesPerRound(500, async () => {
    for (const discovery of [shared, new InprocessDiscovery({ registry: 'clients' })]) {
      const client = new XClient<{ echo(value: number): number }>('Echo', discovery)
      await client.call('echo', 1)
      await client.close()
      if (discovery !== shared) await discovery.close()
    }
  })
  expect(grown).toBeLessThan(400)
})

/** How much memory, in bytes, a round leaves behind. What is made once, such as compiled code, comes in one half of them only. */
async function bytesPerRound(times: number, round: () => Promise<void>): Promise<number> {
  const used: number[] = []
  for (const rounds of [times / 2, times, times]) {
    for (let i = 0; i < rounds; i++) await round()
    for (let i = 0; i < 3; i++) {
      await sleep(20)
      collect()
    }
    used.push(process.memoryUsage().heapUsed)
  }
  const [before = 0, between = 0, after = 0] = used
  return Math.min(between - before, after - between) / times
}

function opened<T extends { close(): Promise<unknown> }>(resource: T): T {
  onTestFinished(async () => {
    await resource.close()
  })
  return resource
}
