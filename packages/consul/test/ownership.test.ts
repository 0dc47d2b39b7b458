import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { atMost, until } from '@rpcx/testing'
import { isSeenByWhoWaited, outlastsAnEarlierOne, survivesARestart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness, TTL_MS } from './harness.ts'
import type { Stored } from './raw-client.ts'
import { consul } from './registry.ts'

describe.runIf(await requireServer('consul'))('A registration', () => {
  let server: Server
  beforeAll(async () => {
    server = await startConsul()
  })
  afterAll(() => server.stop())

  test('survives a restart of its server on the same address while the old session still lives, without a gap', async () => {
    await using harness = new Harness(server)
    const { raw } = harness
    let ghost: Stored | undefined
    await survivesARestart(consul, harness, {
      withinMs: 20_000,
      watch: async address => {
        ghost = await raw.get(harness.key('Arith', address))
        return async () => (await raw.sessions()).every(({ ID }) => ID !== ghost?.session)
      },
    })
    // It is the same key, so it was never deleted.
    expect((await raw.get(ghost?.key as string))?.createIndex).toBe(ghost?.createIndex)
  })

  test('stays as long as its server lives, with the same session', async () => {
    await using harness = new Harness(server)
    const { address, events } = await harness.published('Arith')
    const before = await harness.raw.get(harness.key('Arith', address))
    // Consul takes up to twice the life of a session.
    await sleep(3 * TTL_MS)
    expect(await harness.raw.get(harness.key('Arith', address))).toEqual(before)
    expect(events.all.map(({ event }) => event)).toEqual(['registered'])
  })

  test('of two live servers at one address belongs to the later one; the other waits until that leaves', async () => {
    await using harness = new Harness(server)
    const { raw } = harness
    const serviceAddress = 'tcp@10.0.0.1:8972'
    const key = harness.key('Arith', serviceAddress)
    const view = harness.view('Arith')
    const first = await harness.published('Arith', { serviceAddress, metadata: 'is=first' })
    await view.shows({ [serviceAddress]: 'is=first' })
    const second = await harness.published('Arith', { serviceAddress, metadata: 'is=second' })
    await first.events.until(({ event }) => event === 'conflict')
    expect(first.events.all.find(({ event }) => event === 'lost')?.why).toBe('taken')
    const held = await raw.get(key)
    const { mark } = first.events
    // It sees each change, but does not write.
    await second.server.setMetadata('Arith', 'is=second&n=1')
    first.server.setMetadata('Arith', 'is=first&n=1').catch(() => {})
    await second.server.setMetadata('Arith', 'is=second&n=2')
    expect(await raw.get(key)).toMatchObject({ value: 'is=second&n=2', session: held?.session })
    expect(first.events.since(mark)).toEqual([])
    await second.server.close()
    const { at } = await view.until(list => Object.keys(list).length === 0)
    const back = await view.until(list => list[serviceAddress] === 'is=first&n=1', 1)
    atMost(2_000, 'the one that waited is back', back.at - at)
    expect(second.events.all.map(({ event }) => event)).toEqual(['registered', 'withdrawn'])
  })

  test('replaces the entry of a Go server at its address, and an entry without a session', async () => {
    await using harness = new Harness(server)
    const { raw } = harness
    for (const [n, held] of [true, false].entries()) {
      const serviceAddress = `tcp@10.0.0.${n}:8972`
      const key = harness.key('Arith', serviceAddress)
      const theirs = held ? await raw.hold(key, 'is=theirs') : await raw.put(key, 'is=theirs', '0')
      const before = await raw.get(key)
      await harness.published('Arith', { serviceAddress, metadata: 'is=ours' })
      const after = await raw.get(key)
      expect(after).toMatchObject({ value: 'is=ours', createIndex: before?.createIndex })
      expect(after?.session).toBeDefined()
      expect(after?.session).not.toBe(theirs)
    }
  })

  test('is not removed by the late withdrawal of its predecessor', async () => {
    await using harness = new Harness(server)
    await outlastsAnEarlierOne(consul, harness)
  })

  test('that somebody deletes is back within a second, with the same session', async () => {
    await using harness = new Harness(server)
    const { address, events } = await harness.published('Arith', { metadata: 'n=1' })
    const key = harness.key('Arith', address)
    const before = await harness.raw.get(key)
    for (let turn = 0; turn < 3; turn++) {
      const { mark } = events
      const since = performance.now()
      await harness.raw.remove(key)
      const back = await events.until(({ event }) => event === 'registered', mark)
      // Core restores the next ones with its back-off, because they are not the first.
      if (turn === 0) atMost(1_000, 'deleted by hand, back', back.at - since)
      expect(await harness.raw.get(key)).toMatchObject({ value: 'n=1', session: before?.session })
    }
    expect(events.all.filter(({ event }) => event === 'lost').map(({ why }) => why)).toEqual(
      Array(3).fill('deleted'),
    )
  })

  test('whose whole base path is deleted is back within two seconds, with its directories', async () => {
    await using harness = new Harness(server)
    const { raw, basePath } = harness
    const { server: own } = await harness.published('Arith')
    own.registerName('Echo', { Echo: () => 1 })
    await own.published()
    const what = async (): Promise<unknown> =>
      (await raw.all(basePath)).map(({ key, value, flags, session }) => ({ key, value, flags, session }))
    const before = (await what()) as unknown[]
    expect(before).toHaveLength(5)
    const since = performance.now()
    await raw.removeAll(basePath)
    await until(async () => (await raw.all(basePath)).length === before.length)
    atMost(2_000, 'a wiped base path is back', performance.now() - since)
    expect(await what()).toEqual(before)
  })

  test('whose session is destroyed is back within a second, with a new session', async () => {
    await using harness = new Harness(server)
    const { raw } = harness
    const { address, events } = await harness.published('Arith', { metadata: 'n=1', ttlMs: 15_000 })
    const key = harness.key('Arith', address)
    const session = (await raw.get(key))?.session as string
    const since = performance.now()
    await raw.destroy(session)
    const back = await until(() => raw.get(key))
    atMost(1_000, 'a destroyed session, back', performance.now() - since)
    expect(back.session).not.toBe(session)
    expect(events.all.filter(({ event }) => event === 'lost').map(({ why }) => why)).toEqual(['deleted'])
    expect((await raw.sessions()).map(({ ID }) => ID)).not.toContain(session)
    // From now on, the server renews the new session.
    await until(async () => (await raw.sessions()).some(({ ID }) => ID === back.session))
  })

  test('is seen within a second by a client that waited before any server existed', async () => {
    await using harness = new Harness(server)
    await isSeenByWhoWaited(harness)
  })
})
