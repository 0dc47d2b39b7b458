import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { atMost, Log, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { GO_FLAGS } from './raw-client.ts'

describe.runIf(await requireServer('consul'))('The metadata of an entry', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('is seen within a second of being set, never through an empty list', async () => {
    await using harness = new Harness(consul)
    const { server, address } = await harness.published('Arith', { metadata: 'n=0' })
    const view = harness.view('Arith')
    await view.shows({ [address]: 'n=0' })
    let longest = 0
    for (let n = 1; n <= 20; n++) {
      const since = performance.now()
      await server.setMetadata('Arith', `n=${n}`)
      const { at } = await view.shows({ [address]: `n=${n}` })
      longest = Math.max(longest, at - since)
    }
    atMost(1_000, 'setMetadata() is seen (longest of 20 in a row)', longest)
    for (const list of view.all) expect(Object.keys(list)).toEqual([address])
  })

  test('keeps an edit by others, with our session, until the program sets the same key', async () => {
    await using harness = new Harness(consul)
    const { raw } = harness
    const { server, address, events } = await harness.published('Arith', { metadata: 'weight=10&group=g1' })
    const key = harness.key('Arith', address)
    const before = await raw.get(key)
    await raw.put(key, 'group=g1&state=inactive&weight=3')
    await until(async () => {
      await server.setMetadata('Arith', 'group=g2')
      return (await raw.get(key))?.value === 'group=g2&state=inactive&weight=3'
    })
    await server.setMetadata('Arith', 'weight=5&state=active')
    expect(await raw.get(key)).toMatchObject({ value: 'weight=5&state=active', session: before?.session })
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test("gets Go's flags again when someone writes other flags, or flags that JavaScript rounded, with an event", async () => {
    await using harness = new Harness(consul)
    const { raw } = harness
    const { address, server, events } = await harness.published('Arith', { metadata: 'weight=10' })
    const detached = new Log<object>()
    server.on('detached', detail => detached.add(detail))
    const key = harness.key('Arith', address)
    const before = await raw.get(key)
    for (const [n, flags] of ['0', '42', String(BigInt(Number(GO_FLAGS)))].entries()) {
      await raw.put(key, `n=${n}&weight=10`, flags)
      const { what } = await detached.until(() => true, n)
      expect(what).toEqual({ registry: 'consul', service: 'Arith', address })
      const repaired = await until(async () => {
        const found = await raw.get(key)
        return found?.flags === GO_FLAGS ? found : undefined
      })
      expect(repaired).toMatchObject({
        value: `n=${n}&weight=10`,
        session: before?.session,
        createIndex: before?.createIndex,
      })
    }
    expect(detached.all).toHaveLength(3)
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test('belongs to our session again when someone writes it without a session', async () => {
    await using harness = new Harness(consul)
    const { raw } = harness
    const { address, server } = await harness.published('Arith', { metadata: 'weight=10' })
    const detached = new Log<object>()
    server.on('detached', detail => detached.add(detail))
    const key = harness.key('Arith', address)
    const session = (await raw.get(key))?.session
    // In one transaction: after a deletion alone, our server would write the entry again.
    const steps = [
      { KV: { Verb: 'delete', Key: key } },
      { KV: { Verb: 'set', Key: key, Value: btoa('state=inactive&weight=10') } },
    ]
    await raw.ask('PUT', 'txn', JSON.stringify(steps))
    await detached.until(() => true)
    const held = await until(async () => {
      const found = await raw.get(key)
      return found?.session === undefined ? undefined : found
    })
    expect(held).toMatchObject({ session, value: 'state=inactive&weight=10', flags: GO_FLAGS })
  })

  test('keeps an edit by others when the session is lost', async () => {
    await using harness = new Harness(consul)
    const { raw } = harness
    const { server, address } = await harness.published('Arith', { metadata: 'weight=10' })
    const key = harness.key('Arith', address)
    const view = harness.view('Arith')
    await raw.put(key, 'state=inactive&weight=10')
    // The server knows the edit once a later setMetadata() appears beside it.
    await server.setMetadata('Arith', 'weight=11')
    await view.shows({ [address]: 'state=inactive&weight=11' })
    await raw.destroy((await raw.get(key))?.session as string)
    await view.shows({})
    await view.shows({ [address]: 'state=inactive&weight=11' })
  })

  test('is merged when others and the program write at once', async () => {
    await using harness = new Harness(consul)
    const { raw } = harness
    const { server, address } = await harness.published('Arith', { metadata: 'ours=0' })
    const key = harness.key('Arith', address)
    for (let n = 1; n <= 20; n++) {
      await Promise.all([server.setMetadata('Arith', `ours=${n}`), raw.put(key, `ours=${n - 1}&theirs=${n}`)])
      // In any order: the edit is kept, and our value is what the program sets after it has seen the edit.
      await until(async () => {
        await server.setMetadata('Arith', `ours=${n}`)
        return (await raw.get(key))?.value === `ours=${n}&theirs=${n}`
      })
    }
  })
})
