import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '@rpcx/core'
import { startProxy } from '@rpcx/servers'
import { expect } from 'vitest'
import { atMost } from '../at-most.ts'
import type { Member, RegistryHarness } from '../harness.ts'
import { until } from '../until.ts'
import type { Entries } from '../view.ts'
import type { Registry } from './registry.ts'
import { inflict } from './registry.ts'

/** A registry hangs for longer than the TTL. The entries are registered again, with the edits of others. */
export async function keepsEntriesThroughAHang<H extends RegistryHarness>(
  registry: Registry<H>,
  options: Hang<H>,
): Promise<void> {
  await using server = await registry.start()
  await using harness = await registry.harness(server)
  const member = await harness.published('Arith', { metadata: 'weight=10' })
  const { address, events } = member
  const edited = await options.edit(harness, member)
  await server.pause()
  await sleep(options.forLives * registry.lifeMs)
  await server.resume()
  const up = performance.now()
  await events.until(({ event }) => event === 'registryBack')
  await until(() => registry.isHeld(harness, 'Arith', address))
  atMost(2_000, 'after a hang the entry is held', performance.now() - up)
  // A session that ended only now is removed by the registry.
  await sleep(options.thenLives * registry.lifeMs)
  expect(await registry.isHeld(harness, 'Arith', address)).toBe(true)
  expect((await registry.stored(harness, 'Arith', address))?.metadata).toBe(edited)
}

export interface Hang<H extends RegistryHarness> {
  /** How long it hangs, and how long it then takes until expired entries are deleted. */
  readonly forLives: number
  readonly thenLives: number
  /** Makes others set the server to `state=inactive`. Resolves to the entry once the server knows of the edit. */
  edit(harness: H, member: Member): Promise<string>
}

/** A server is cut off for longer than the TTL. Its entry expires, and is registered again with the edits of others. */
export async function restoresEntriesCutOff<H extends RegistryHarness>(
  registry: Registry<H>,
  options: CutOff<H>,
): Promise<void> {
  await using server = await registry.start()
  await using proxy = await startProxy(server.address)
  await using harness = await registry.harness(server)
  for (const fault of ['cut', 'refuse', 'stall'] as const) {
    const service = `By${fault}`
    const member = await harness.published(service, { metadata: 'weight=10', ...registry.at(proxy.address) })
    const { address, events } = member
    const view = harness.view(service)
    await options.edit(harness, service, address)
    await view.shows({ [address]: 'state=inactive&weight=10' })
    await member.server.setMetadata(service, 'weight=11')
    await view.shows({ [address]: 'state=inactive&weight=11' })
    await inflict(proxy, fault)
    const since = performance.now()
    await view.shows({})
    await sleep(options.forLives * registry.lifeMs - (performance.now() - since))
    const { mark } = events
    await proxy.heal()
    const healed = performance.now()
    const back = await view.shows({ [address]: 'state=inactive&weight=11' })
    atMost(2_000, `after ${fault} the entry is back`, back.at - healed)
    expect(events.since(mark - 1).some(({ event }) => event === 'conflict')).toBe(false)
    await member.server.close()
  }
}

export interface CutOff<H extends RegistryHarness> {
  readonly forLives: number
  /** Makes others set a server of weight 10 inactive, without changing its session. */
  edit(harness: H, service: string, address: string): Promise<void>
}

/** A client is cut off while all servers are replaced. Its list stays as it was, becomes right later, and shows further changes. */
export async function rightsListsCutOff<H extends RegistryHarness>(
  registry: Registry<H>,
  meanwhile: (harness: H, servers: number) => Promise<unknown>,
): Promise<void> {
  await using server = await registry.start()
  await using proxy = await startProxy(server.address)
  await using harness = await registry.harness(server)
  const published = (n: number): Promise<Member> => harness.published('Arith', { metadata: `is=${n}` })
  const members = [await published(1), await published(2)]
  const shown = (): Entries => Object.fromEntries(members.map(({ address }, n) => [address, `is=${n + 1}`]))
  for (const fault of ['cut', 'refuse', 'stall'] as const) {
    const view = harness.view('Arith', harness.discovery(registry.at(proxy.address)))
    const before = shown()
    await view.shows(before)
    await inflict(proxy, fault)
    for (const old of members.splice(0)) await old.server.close()
    for (const n of [1, 2]) members.push(await published(n))
    await meanwhile(harness, members.length)
    expect(view.all).toEqual([before])
    await proxy.heal()
    const healed = performance.now()
    const { at } = await view.shows(shown())
    atMost(5_000, `after ${fault} the list is right`, at - healed)
    expect(view.all).toHaveLength(2)
    const first = members[0]?.server as Server
    await first.setMetadata('Arith', 'is=changed')
    await view.until(list => Object.values(list).includes('is=changed'))
    await first.setMetadata('Arith', 'is=1')
    await view.shows(shown())
  }
}
