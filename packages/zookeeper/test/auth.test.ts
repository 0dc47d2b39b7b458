import type { RpcxError } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { isZooKeeperSince, requireServer, startZooKeeper } from '@rpcx/servers'
import { heardOfDiscovery } from '@rpcx/testing'
import { ACL, Id, Permission } from 'node-zookeeper-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Hand } from './hand.ts'
import { Stage } from './stage.ts'

const alice = { user: 'alice', password: 'secret' }
const acl = ['auth::cdrwa', 'world:anyone:r']

/** Everything, for alice; only those who may set ACLs are shown more of her. */
const ALICE = 'digest:alice:x:31'

describe.runIf(await requireServer('zookeeper'))('A ZooKeeper with ACLs', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('stores entries that only their creator can change, and everybody can read', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const options = { digest: alice, acl, metadata: 'n=0' }
    const { server, address, told } = await stage.published('Arith', options)
    for (const path of [stage.basePath, stage.path('Arith'), stage.path('Arith', address)]) {
      expect(await hand.acl(path)).toEqual([ALICE, 'world:anyone:1'])
    }
    await expect(hand.edit(stage.path('Arith', address), 'n=99')).rejects.toThrow('NO_AUTH')
    const view = stage.view('Arith')
    await view.shows({ [address]: 'n=0' })
    await server.setMetadata('Arith', 'n=1')
    await view.shows({ [address]: 'n=1' })
    // A lost session means a new one, which has to say again who it is.
    await hand.endSession(stage.path('Arith', address))
    await view.until(list => !(address in list))
    await view.shows({ [address]: 'n=1' })
    expect(told.all.map(({ event }) => event)).not.toContain('conflict')
    expect(await hand.acl(stage.path('Arith', address))).toEqual([ALICE, 'world:anyone:1'])
  })

  test.concurrent.each([
    ['a client without a digest', {}, ''],
    ['bob', { digest: { user: 'bob', password: 'x' } }, 'as bob'],
    ['alice with a wrong password', { digest: { ...alice, password: 'x' } }, 'as alice'],
  ])('rejects %s with the path and what to do', async (_who, options, subject) => {
    await using stage = await Stage.open(zooKeeper)
    await stage.published('Arith', { digest: alice, acl: 'auth::cdrwa' })
    const { address } = await stage.published('Echo', { digest: alice, acl: 'auth::cdrwa' })
    const { told } = await stage.member('Arith', options)
    const { error } = (await told.until(({ event }) => event === 'registryDown')).what
    expect(error).toMatchObject({ code: 'ERR_RPCX_AUTH' })
    expect(error?.message).toContain(`zookeeper ${zooKeeper.address}${subject && ` ${subject}`}: `)
    expect(error?.message).toContain(`create ${stage.path('Arith')}/tcp@`)
    expect(error?.message).toContain('digest')
    await expect(stage.member('Arith', { ...options, required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
    })
    const discovery = stage.discovery(options)
    const failure = await discovery.list('Echo', { timeoutMs: 500 }).catch((caught: RpcxError) => caught)
    expect(failure).toMatchObject({ code: 'ERR_RPCX_REGISTRY', cause: { code: 'ERR_RPCX_AUTH' } })
    expect(((failure as RpcxError).cause as Error).message).toContain(
      `list ${stage.path('Echo')}: no permission`,
    )
    expect((await stage.discovery({ digest: alice }).list('Echo')).map(found => found.address)).toEqual([
      address,
    ])
  })

  test.concurrent('is asked again every five seconds, and registers the server once that is allowed', async () => {
    await using stage = await Stage.open(zooKeeper)
    await stage.published('Arith', { digest: alice, acl: 'auth::cdrwa' })
    const { told, server, address } = await stage.member('Arith', { metadata: 'n=1' })
    const refused = await told.until(({ event }) => event === 'registryDown')
    await using maker = await openHand(zooKeeper, 'alice:secret')
    await maker.hand.setAcl(stage.path('Arith'), [new ACL(Permission.ALL, new Id('world', 'anyone'))])
    await server.published()
    const took = performance.now() - refused.at
    expect(took).toBeGreaterThan(5_000 - 50)
    expect(took).toBeLessThan(6_000)
    const view = stage.view('Arith', stage.discovery({ digest: alice }))
    await view.until(list => list[address] === 'n=1')
    expect(told.all.map(({ event }) => event)).toEqual(['registryDown', 'registryBack', 'registered'])
  })

  test('rejects an acl of an unknown scheme, which makes serve() reject', async () => {
    await using stage = await Stage.open(zooKeeper)
    await expect(
      stage.member('Arith', { acl: 'sesame:open:r', startTimeoutMs: 10_000 }),
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
    await using stage = await Stage.open(bare)
    await expect(stage.member('Arith', { digest: alice, required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
      message: expect.stringContaining('digest'),
    })
    const discovery = stage.discovery({ digest: alice })
    const told = heardOfDiscovery(discovery)
    discovery.list('Arith').catch(() => {})
    const { what } = await told.until(({ event }) => event === 'registryDown')
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
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    await hand.put('/team/a', '')
    const { server, address } = await stage.published('Arith', { chroot: 'team//a/', metadata: 'n=0' })
    expect((await hand.get(`/team/a${stage.path('Arith', address)}`))?.data).toBe('n=0')
    const view = stage.view('Arith', stage.discovery({ chroot: '/team/a' }))
    await view.shows({ [address]: 'n=0' })
    await server.setMetadata('Arith', 'n=1')
    await view.shows({ [address]: 'n=1' })
    expect(await stage.discovery().list('Arith')).toEqual([])
  })

  test('that does not exist is named in the error of serve(), and is used once it exists', async () => {
    await using stage = await Stage.open(zooKeeper)
    const missing = {
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringContaining('the chroot /none/such does not exist'),
    }
    await expect(
      stage.member('Arith', { chroot: '/none/such', startTimeoutMs: 10_000 }),
    ).rejects.toMatchObject(missing)
    const discovery = stage.discovery({ chroot: '/none/such' })
    const listing = discovery.list('Arith', { timeoutMs: 10_000 })
    await expect(discovery.list('Arith', { timeoutMs: 200 })).rejects.toMatchObject({ cause: missing })
    await stage.hand.put('/none/such', '')
    expect(await listing).toEqual([])
    await discovery.close()
    expect(await stage.hand.sessions()).toEqual([])
  })
})

async function openHand(zooKeeper: Server, digest: string): Promise<AsyncDisposable & { hand: Hand }> {
  const hand = await Hand.open(zooKeeper.address, digest)
  return { hand, [Symbol.asyncDispose]: () => hand.close() }
}
