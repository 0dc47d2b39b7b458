import type { TcpProxy } from '@rpcx/servers'
import { expect } from 'vitest'
import type { RegistryHarness } from '../harness.ts'
import { until } from '../until.ts'

/** 200 servers and clients open and close one after the other. No connection and no handle of the process stays. */
export async function leavesNoHandle(harness: RegistryHarness, proxy: TcpProxy): Promise<void> {
  // The first cycles do not count, because one-time allocations stay.
  for (let cycle = 0; cycle < 5; cycle++) await openAndClose(harness)
  await until(() => proxy.connections === 0)
  const before = process.getActiveResourcesInfo().length
  for (let cycle = 0; cycle < 200; cycle++) await openAndClose(harness)
  await until(() => proxy.connections === 0)
  await until(() => process.getActiveResourcesInfo().length <= before)
}

/** A process exits after its server closes. */
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
