import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('etcd'))('The metadata of an entry', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test('is seen within a second of being set, never through an empty list', async () => {
    await using harness = new Harness(etcd)
    const { server, address } = await harness.published('Arith', { metadata: 'n=0' })
    const view = harness.view('Arith')
    await view.shows({ [address]: 'n=0' })
    const took: number[] = []
    for (let n = 1; n <= 20; n++) {
      const since = performance.now()
      await server.setMetadata('Arith', `n=${n}`)
      const { at } = await view.shows({ [address]: `n=${n}` })
      took.push(at - since)
    }
    took.sort((a, b) => a - b)
    console.info(
      `setMetadata is seen: median ${took[10]?.toFixed(1)} ms, longest ${took.at(-1)?.toFixed(1)} ms`,
    )
    expect(took.at(-1)).toBeLessThan(1_000)
    for (const list of view.all) expect(Object.keys(list)).toEqual([address])
  })

  test('keeps an edit by others, with our lease, until the program sets the same key', async () => {
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const { server, address, events } = await harness.published('Arith', { metadata: 'weight=10&group=g1' })
    const key = harness.key('Arith', address)
    const before = await gateway.get(key)
    await gateway.put(key, 'group=g1&state=inactive&weight=3', before?.lease)
    const view = harness.view('Arith')
    await view.shows({ [address]: 'group=g1&state=inactive&weight=3' })
    await until(async () => {
      await server.setMetadata('Arith', 'group=g2')
      return (await gateway.get(key))?.value === 'group=g2&state=inactive&weight=3'
    })
    await server.setMetadata('Arith', 'weight=5&state=active')
    expect(await gateway.get(key)).toMatchObject({ value: 'weight=5&state=active', lease: before?.lease })
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test('gets our lease again when someone writes it without a lease', async () => {
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const { address, events } = await harness.published('Arith', { metadata: 'weight=10' })
    const key = harness.key('Arith', address)
    const before = await gateway.get(key)
    for (const value of ['state=inactive&weight=10', 'weight=11']) {
      await gateway.put(key, value)
      const attached = await until(async () => {
        const found = await gateway.get(key)
        return found?.lease === before?.lease ? found : undefined
      })
      expect(attached).toMatchObject({ value, createRevision: before?.createRevision })
    }
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test('gets our lease again when someone writes it under another one, and stays when that lease ends', async () => {
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const { server, address, events } = await harness.published('Arith', { metadata: 'weight=10' })
    const key = harness.key('Arith', address)
    const before = await gateway.get(key)
    const view = harness.view('Arith')
    await view.shows({ [address]: 'weight=10' })
    // As rpcx-ui and everything else that uses libkv does.
    const lease = await gateway.grant(2)
    for (const value of ['state=inactive&weight=10', 'state=inactive&weight=3']) {
      await gateway.put(key, value, lease)
      await until(async () => (await gateway.get(key))?.lease === before?.lease)
      await view.shows({ [address]: value })
    }
    await until(async () => !(await gateway.leases()).includes(lease))
    expect(await gateway.get(key)).toMatchObject({
      value: 'state=inactive&weight=3',
      createRevision: before?.createRevision,
    })
    expect(events.all.map(({ event }) => event)).toEqual(['registered'])
    await server.close()
    expect(await gateway.get(key)).toBeUndefined()
  })

  test('is left to a Go server that registers at the same address', async () => {
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const { address, events } = await harness.published('Arith', { metadata: 'weight=10' })
    const lease = await gateway.grant(600)
    // In the order in which a server writes keys, which distinguishes it from an editor.
    await gateway.put(harness.basePath, 'rpcx_path', lease)
    await gateway.put(harness.key('Arith'), 'Arith', lease)
    await gateway.put(harness.key('Arith', address), 'is=go', lease)
    await events.until(({ event }) => event === 'conflict')
    await gateway.put(harness.key('Arith', address), 'calls=1.00&is=go', lease)
    const { mark } = events
    await gateway.revoke(lease)
    await events.until(({ event }) => event === 'registered', mark)
    expect(events.all.map(({ event, why }) => why ?? event)).toEqual([
      'registered',
      'taken',
      'conflict',
      'registered',
    ])
    expect((await gateway.get(harness.key('Arith', address)))?.value).toBe('weight=10')
  })

  test('keeps an edit by others when the lease is lost', async () => {
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const { address } = await harness.published('Arith', { metadata: 'weight=10' })
    const key = harness.key('Arith', address)
    const lease = (await gateway.get(key))?.lease as string
    const view = harness.view('Arith')
    await gateway.put(key, 'state=inactive&weight=10', lease)
    await view.shows({ [address]: 'state=inactive&weight=10' })
    // The server knows the edit once it has replaced the next one, which has no lease.
    await gateway.put(key, 'state=inactive&weight=11')
    await until(async () => (await gateway.get(key))?.lease === lease)
    await gateway.revoke(lease)
    await view.shows({})
    await view.shows({ [address]: 'state=inactive&weight=11' })
  })

  test('is merged when others and the program write at once', async () => {
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const { server, address } = await harness.published('Arith', { metadata: 'ours=0' })
    const key = harness.key('Arith', address)
    const lease = (await gateway.get(key))?.lease
    for (let n = 1; n <= 100; n++) {
      const since = performance.now()
      await Promise.all([
        server.setMetadata('Arith', `ours=${n}`),
        gateway.put(key, `ours=${n - 1}&theirs=${n}`, lease),
      ])
      // In any order: the edit is kept, and our value is what the program sets after it has seen the edit.
      await until(async () => {
        await server.setMetadata('Arith', `ours=${n}`)
        return (await gateway.get(key))?.value === `ours=${n}&theirs=${n}`
      })
      expect(performance.now() - since).toBeLessThan(3_000)
    }
  })
})
