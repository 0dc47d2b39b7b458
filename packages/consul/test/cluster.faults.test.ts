import type { Server } from '@rpcx/servers'
import { requireCluster, requireServer, startConsul, startConsulCluster } from '@rpcx/servers'
import { atMost, until } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { CatalogClient } from './catalog-client.ts'
import { Harness } from './harness.ts'
import { RawClient } from './raw-client.ts'

describe.runIf(await requireCluster('consul'))('Three servers', () => {
  test('keep a catalog service at the next agent when its agent fails, until both agents have withdrawn it', async () => {
    await using cluster = await startConsulCluster()
    await using harness = new Harness(cluster.members[0] as Server, cluster.addresses)
    const { address, server } = await harness.published('Arith', { catalog: true, metadata: 'n=1' })
    const nodes = async (at: Server): Promise<readonly string[]> =>
      (await new CatalogClient(new RawClient(at.address)).seen('Arith')).map(({ Node }) => Node.Node)
    const [first] = await nodes(cluster.members[0] as Server)
    const failed = cluster.members.find((_member, i) => first === `member-${i + 1}`) as Server
    const other = cluster.members.find(member => member !== failed) as Server
    const view = harness.view('Arith', harness.catalog({ consulServers: other.address }))
    await view.shows({ [address]: 'n=1' })
    await failed.kill()
    await until(async () => (await nodes(other).catch(() => [])).length === 2, 60_000)
    await until(
      () =>
        server.setMetadata('Arith', 'n=2').then(
          () => true,
          () => false,
        ),
      60_000,
    )
    await view.shows({ [address]: 'n=2' })
    await server.close()
    expect(await nodes(other)).toEqual([])
    await view.shows({})
    // The agent still has the service and reports it again: passing until the TTL is over, then critical.
    await failed.restart()
    await until(async () => (await nodes(other)).length === 1, 90_000)
    const next = await harness.published('Arith', { catalog: true })
    await view.shows({ [next.address]: '' }, 30_000)
  }, 240_000)

  test('keep lists and entries without a leader, and accept writes once they have elected another', async () => {
    await using cluster = await startConsulCluster()
    const leader = await cluster.leader()
    const other = cluster.members.find(member => member !== leader) as typeof leader
    await using harness = new Harness(other, cluster.addresses)
    const { raw } = harness
    const { server, address, events } = await harness.published('Arith', { metadata: 'n=0', ttlMs: 10_000 })
    const before = await raw.get(harness.key('Arith', address))
    const view = harness.view('Arith')
    const stale = harness.view('Arith', harness.discovery({ consistency: 'stale' }))
    // A server may be a little behind, but no list goes back in time.
    for (const list of [view, stale]) await list.shows({ [address]: 'n=0' })
    const marks = [view.mark, stale.mark]
    await leader.kill()
    const since = performance.now()
    await until(async () => {
      await server.setMetadata('Arith', 'n=1').catch(() => {})
      return view.last?.[address] === 'n=1'
    }, 60_000)
    console.info(
      `written and seen again ${(performance.now() - since).toFixed(0)} ms after the leader was killed`,
    )
    await stale.shows({ [address]: 'n=1' })
    for (const [n, list] of [view, stale].entries()) {
      for (const servers of list.since(marks[n] as number)) expect(Object.keys(servers)).toEqual([address])
    }
    const after = await raw.get(harness.key('Arith', address))
    expect(after).toMatchObject({ session: before?.session, createIndex: before?.createIndex })
    expect(events.all.some(({ event }) => event === 'lost')).toBe(false)

    await leader.restart()
    await server.setMetadata('Arith', 'n=2')
    await view.shows({ [address]: 'n=2' })
  })

  test('serve the clients of a server that restarts', async () => {
    await using cluster = await startConsulCluster()
    await using harness = new Harness(await cluster.leader(), cluster.addresses)
    const { server, address } = await harness.published('Arith', { metadata: 'n=0', ttlMs: 10_000 })
    const view = harness.view('Arith')
    await view.shows({ [address]: 'n=0' })
    for (const [n, member] of cluster.members.entries()) {
      if (member === (await cluster.leader())) continue
      await member.kill()
      await until(async () => {
        await server.setMetadata('Arith', `n=${n}`).catch(() => {})
        return view.last?.[address] === `n=${n}`
      }, 20_000)
      await member.restart()
    }
    for (const servers of view.all) expect(Object.keys(servers)).toEqual([address])
  })

  test('that were restored from a snapshot get back a registration that the snapshot lacks', async () => {
    await using cluster = await startConsulCluster()
    const leader = await cluster.leader()
    await using harness = new Harness(leader, cluster.addresses)
    const { raw } = harness
    await raw.put(harness.key('Arith', 'tcp@10.0.0.1:1'), 'is=old')
    const url = `http://${leader.address}/v1/snapshot`
    const snapshot = Buffer.from(await (await fetch(url)).arrayBuffer())
    const { address } = await harness.published('Arith', { metadata: 'n=1' })
    const view = harness.view('Arith')
    for (let n = 0; n < 20; n++) await raw.put(harness.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'n=19' })
    const since = performance.now()
    expect((await fetch(url, { method: 'PUT', body: snapshot })).status).toBe(200)
    const { at } = await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'is=old' })
    atMost(5_000, 'a restored cluster is followed again', at - since)
    await until(async () => (await raw.get(harness.key('Arith', address)))?.value === 'n=1')
  })
})

describe.runIf(await requireServer('consul'))('Two datacenters joined over WAN', () => {
  test("see each other's servers through an agent of one of them", async () => {
    await using here = await startConsul()
    await using there = await startConsul({ datacenter: 'dc2', joinWan: here })
    await using harness = new Harness(there)
    const { address, server } = await harness.published('Arith', { metadata: 'is=there' })
    const near = harness.discovery({ consulServers: here.address })
    expect(await near.list('Arith')).toEqual([])
    const far = harness.view('Arith', harness.discovery({ consulServers: here.address, datacenter: 'dc2' }))
    await far.shows({ [address]: 'is=there' })
    await server.setMetadata('Arith', 'is=changed')
    await far.shows({ [address]: 'is=changed' })
    await server.close()
    await far.shows({})
    expect(await near.list('Arith')).toEqual([])
  })
})
