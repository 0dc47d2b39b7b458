import { readFileSync } from 'node:fs'
import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { heardOfDiscovery } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

interface Recorded {
  readonly basePath: string
  readonly serviceAddress: string
  readonly lastTick: readonly {
    readonly key: string
    readonly value: string
    readonly ephemeral: boolean
    readonly acl: string
  }[]
  readonly writtenByHand: readonly {
    readonly name: string
    readonly what: string
    readonly written: readonly { readonly key: string; readonly value: string }[]
    readonly getServices: readonly { readonly key: string; readonly value: string }[]
  }[]
}

const recorded = JSON.parse(
  readFileSync(new URL('./fixtures/registry.json', import.meta.url), 'utf8'),
) as Recorded

describe.runIf(await requireServer('zookeeper'))('What Go wrote', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test.each(recorded.writtenByHand)('is listed as its own client lists it: $what', async recording => {
    await using stage = await Stage.open(zooKeeper)
    const { hand, basePath } = stage
    const value = (text: string): string | Buffer =>
      recording.name === 'binary-value' ? Buffer.from([0xff, 0xfe, 0x00]) : text
    for (const { key, value: text } of recording.written) {
      await hand.put(key.replace(recorded.basePath, basePath), value(text))
    }
    const discovery = stage.discovery()
    const told = heardOfDiscovery(discovery)
    const listed = (await discovery.list('Arith')).map(({ address, metadata }) => ({
      key: address,
      value: metadata,
    }))
    expect(listed).toEqual(recording.getServices)
    expect(told.all.filter(({ event }) => event === 'entryIgnored')).toEqual([])
  })

  test('is read as it is after one tick, and ours lies as it does', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand, basePath } = stage
    const { serviceAddress, lastTick } = recorded
    const here = (key: string): string => key.replace(recorded.basePath, basePath)
    for (const { key, value } of lastTick) await hand.put(here(key), value)
    const discovery = stage.discovery()
    const [arith] = await discovery.list('Arith')
    expect(arith?.address).toBe(serviceAddress)
    expect(Object.fromEntries(arith?.values ?? [])).toEqual({
      calls: ['0.00'],
      connections: ['0.00'],
      group: ['g1'],
      weight: ['10'],
    })
    const [echo] = await discovery.list('Echo')
    expect(echo?.values.get('note')).toEqual(['a b/é'])

    await hand.removeAll(basePath)
    const { server } = await stage.published('Arith', { serviceAddress, metadata: 'weight=10&group=g1' })
    server.registerName('Echo', { Echo: () => 1 })
    await server.published()
    for (const { key, ephemeral, acl } of lastTick) {
      const found = await hand.get(here(key))
      expect([key, !/^0+$/.test(found?.owner ?? '')]).toEqual([key, ephemeral])
      expect(await hand.acl(here(key))).toEqual([acl])
      if (!ephemeral) expect(found?.data).toBe(lastTick.find(node => node.key === key)?.value)
    }
  })
})
