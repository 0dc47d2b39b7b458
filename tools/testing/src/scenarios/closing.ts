import type { TcpProxy } from '@rpcx/servers'
import { expect } from 'vitest'
import type { RegistryHarness } from '../harness.ts'
import { until } from '../until.ts'

/** 200 servers and clients, one after the other: no connection stays, and no handle of the process. */
export async function leavesNoHandle(harness: RegistryHarness, proxy: TcpProxy): Promise<void> {
  // What is made once stays: the first cycles are not counted.
  for (let cycle = 0; cycle < 5; cycle++) await openAndClose(harness)
  await until(() => proxy.connections === 0)
  const before = process.getActiveResourcesInfo().length
  for (let cycle = 0; cycle < 200; cycle++) await openAndClose(harness)
  await until(() => proxy.connections === 0)
  await until(() => process.getActiveResourcesInfo().length <= before)
}

/** A process whose server is closed has nothing left to wait for. */
export async function letsAProcessEnd(harness: RegistryHarness): Promise<void> {
  const program = harness.program('server', { service: 'Arith' })
  await program.events.until(({ event }) => event === 'published')
  program.say('close')
  await program.events.until(({ event }) => event === 'closed')
  const since = performance.now()
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(performance.now() - since).toBeLessThan(2_000)
}

async function openAndClose(harness: RegistryHarness): Promise<void> {
  const { server, address } = await harness.published('Cycle')
  const discovery = harness.discovery()
  const [endpoint] = await discovery.list('Cycle')
  expect(endpoint?.address).toBe(address)
  await discovery.close()
  await server.close()
}
