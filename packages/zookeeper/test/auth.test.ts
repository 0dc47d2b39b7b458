import type { RpcxError } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { isZooKeeperSince, requireServer, startZooKeeper } from '@rpcx/servers'
import { eventsOfDiscovery } from '@rpcx/testing'
import { ACL, Id, Permission } from 'node-zookeeper-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { RawClient } from './raw-client.ts'

const alice = { user: 'alice', password: 'secret' }
const acl = ['auth::cdrwa', 'world:anyone:r']

/** All rights for alice. Only users who may set ACLs see her digest. */
const ALICE = 'digest:alice:x:31'

describe.runIf(await requireServer('zookeeper'))('A ZooKeeper with ACLs', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('stores entries that only their creator can change, and everybody can read', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    const options = { digest: alice, acl, metadata: 'n=0' }
    const { server, address, events } = await harness.published('Arith', options)
    for (const path of [harness.basePath, harness.path('Arith'), harness.path('Arith', address)]) {
      expect(await raw.acl(path)).toEqual([ALICE, 'world:anyone:1'])
    }
    await expect(raw.edit(harness.path('Arith', address), 'n=99')).rejects.toThrow('NO_AUTH')
    const view = harness.view('Arith')
    await view.shows({ [address]: 'n=0' })
    await server.setMetadata('Arith', 'n=1')
    await view.shows({ [address]: 'n=1' })
    // After a lost session, the new one must authenticate again.
    await raw.endSession(harness.path('Arith', address))
    await view.until(list => !(address in list))
    await view.shows({ [address]: 'n=1' })
    expect(events.all.map(({ event }) => event)).not.toContain('conflict')
    expect(await raw.acl(harness.path('Arith', address))).toEqual([ALICE, 'world:anyone:1'])
  })

  test.concurrent.each([
    ['a client without a digest', {}, ''],
    ['bob', { digest: { user: 'bob', password: 'x' } }, 'as bob'],
    ['alice with a wrong password', { digest: { ...alice, password: 'x' } }, 'as alice'],
  ])('rejects %s with the path and what to do', async (_who, options, subject) => {
    await using harness = await Harness.open(zooKeeper)
    await harness.published('Arith', { digest: alice, acl: 'auth::cdrwa' })
    const { address } = await harness.published('Echo', { digest: alice, acl: 'auth::cdrwa' })
    const { events } = await harness.member('Arith', options)
    const { error } = (await events.until(({ event }) => event === 'registryDown')).what
    expect(error).toMatchObject({ code: 'ERR_RPCX_AUTH' })
    expect(error?.message).toContain(`zookeeper ${zooKeeper.address}${subject && ` ${subject}`}: `)
    expect(error?.message).toContain(`create ${harness.path('Arith')}/tcp@`)
    expect(error?.message).toContain('digest')
    await expect(harness.member('Arith', { ...options, required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
    })
    const discovery = harness.discovery(options)
    const failure = await discovery.list('Echo', { timeoutMs: 500 }).catch((caught: RpcxError) => caught)
    expect(failure).toMatchObject({ code: 'ERR_RPCX_REGISTRY', cause: { code: 'ERR_RPCX_AUTH' } })
    expect(((failure as RpcxError).cause as Error).message).toContain(
      `list ${harness.path('Echo')}: no permission`,
    )
    expect((await harness.discovery({ digest: alice }).list('Echo')).map(found => found.address)).toEqual([
      address,
    ])
  })

  test.concurrent('is asked again every five seconds, and registers the server once that is allowed', async () => {
    await using harness = await Harness.open(zooKeeper)
    await harness.published('Arith', { digest: alice, acl: 'auth::cdrwa' })
    const { events, server, address } = await harness.member('Arith', { metadata: 'n=1' })
    const refused = await events.until(({ event }) => event === 'registryDown')
    await using maker = await openRawClient(zooKeeper, 'alice:secret')
    await maker.raw.setAcl(harness.path('Arith'), [new ACL(Permission.ALL, new Id('world', 'anyone'))])
    await server.published()
    const took = performance.now() - refused.at
    expect(took).toBeGreaterThan(5_000 - 50)
    expect(took).toBeLessThan(6_000)
    const view = harness.view('Arith', harness.discovery({ digest: alice }))
    await view.until(list => list[address] === 'n=1')
    expect(events.all.map(({ event }) => event)).toEqual(['registryDown', 'registryBack', 'registered'])
  })

  test('rejects an acl of an unknown scheme, which makes serve() reject', async () => {
    await using harness = await Harness.open(zooKeeper)
    await expect(
      harness.member('Arith', { acl: 'sesame:open:r', startTimeoutMs: 10_000 }),
    ).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      fatal: true,
      message: expect.stringContaining('refuses the acl'),
    })
  })

  test('and without the scheme digest rejects every client with a digest', async context => {
    if (!(await isZooKeeperSince(zooKeeper, '3.7')))
      context.skip('the scheme cannot be switched off before 3.7')
    await using bare = await startZooKeeper({ config: { 'DigestAuthenticationProvider.enabled': false } })
    await using harness = await Harness.open(bare)
    await expect(harness.member('Arith', { digest: alice, required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
      message: expect.stringContaining('digest'),
    })
    const discovery = harness.discovery({ digest: alice })
    const events = eventsOfDiscovery(discovery)
    discovery.list('Arith').catch(() => {})
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({ code: 'ERR_RPCX_AUTH' })
  })
})

describe.runIf(await requireServer('zookeeper'))('A chroot', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('is the parent of all nodes', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    await raw.put('/team/a', '')
    const { server, address } = await harness.published('Arith', { chroot: 'team//a/', metadata: 'n=0' })
    expect((await raw.get(`/team/a${harness.path('Arith', address)}`))?.data).toBe('n=0')
    const view = harness.view('Arith', harness.discovery({ chroot: '/team/a' }))
    await view.shows({ [address]: 'n=0' })
    await server.setMetadata('Arith', 'n=1')
    await view.shows({ [address]: 'n=1' })
    expect(await harness.discovery().list('Arith')).toEqual([])
  })

  test('that does not exist is named in the error of serve(), and is used once it exists', async () => {
    await using harness = await Harness.open(zooKeeper)
    const missing = {
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringContaining('the chroot /none/such does not exist'),
    }
    await expect(
      harness.member('Arith', { chroot: '/none/such', startTimeoutMs: 10_000 }),
    ).rejects.toMatchObject(missing)
    const discovery = harness.discovery({ chroot: '/none/such' })
    const listing = discovery.list('Arith', { timeoutMs: 10_000 })
    await expect(discovery.list('Arith', { timeoutMs: 200 })).rejects.toMatchObject({ cause: missing })
    await harness.raw.put('/none/such', '')
    expect(await listing).toEqual([])
    await discovery.close()
    expect(await harness.raw.sessions()).toEqual([])
  })
})

async function openRawClient(
  zooKeeper: Server,
  digest: string,
): Promise<AsyncDisposable & { raw: RawClient }> {
  const raw = await RawClient.open(zooKeeper.address, digest)
  return { raw, [Symbol.asyncDispose]: () => raw.close() }
}
