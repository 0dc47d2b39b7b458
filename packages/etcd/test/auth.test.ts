import { setTimeout as sleep } from 'node:timers/promises'
import { isRpcxError } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { eventsOfDiscovery, Log, until } from '@rpcx/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { Harness } from './harness.ts'
import { addUsers, auth, logIns } from './users.ts'

/** etcd needs some time to check a password. */
class PatientHarness extends Harness {
  protected override readonly startTimeoutMs: number = 10_000
}

describe.runIf(await requireServer('etcd'))('An etcd with authentication', () => {
  let etcd: Server
  let harness: Harness
  beforeAll(async () => {
    // etcd forgets a token that was not used for this many seconds.
    etcd = await startEtcd({ args: ['--auth-token-ttl=2'] })
    harness = new PatientHarness(etcd)
    await addUsers(harness)
  })
  beforeEach(() => harness.gateway.logIn('root', 'open'))
  // No client of this test may log in while the next test counts.
  afterEach(() => harness[Symbol.asyncDispose]())
  afterAll(() => etcd.stop())

  test('accepts a user, and accepts it again when its token has expired', async () => {
    // Since 3.5, a keep-alive counts as a use of the token.
    const { server, address, events } = await harness.published('Arith', {
      auth,
      metadata: 'n=1',
      ttlMs: 30_000,
    })
    const discovery = harness.discovery({ auth })
    const discoveryEvents = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    const before = await logIns(harness)
    // The clock of etcd decides, and no event says when.
    await sleep(5_000)
    await server.setMetadata('Arith', 'n=2')
    await view.shows({ [address]: 'n=2' })
    expect((await logIns(harness)) - before).toBe(1)
    expect(events.all.map(({ event }) => event)).toEqual(['registered'])
    expect(discoveryEvents.all.map(({ event }) => event)).toEqual(['endpointAdded', 'endpointChanged'])
    await server.close()
  })

  test('is given a changed password, even a late one, and nothing is lost meanwhile', async () => {
    await using proxy = await harness.proxy()
    const asked = new Log<string>()
    let late = 0
    const changing = {
      username: 'rpcx',
      password: () => {
        const password = late-- > 0 ? 'open' : 'shut'
        asked.add(password)
        return password
      },
    }
    const setPassword = async (password: string): Promise<void> => {
      await harness.gateway.logIn('root', 'open')
      await harness.gateway.ask('auth/user/changepw', { name: 'rpcx', password })
    }
    onTestFinished(() => setPassword('open'))
    await setPassword('shut')
    const { server, address, events } = await harness.published('Arith', {
      auth: changing,
      etcdServers: proxy.address,
      metadata: 'n=1',
      ttlMs: 6_000,
    })
    const key = harness.key('Arith', address)
    const before = await harness.gateway.get(key)
    for (const lose of [() => proxy.cut(), async () => {}]) {
      const [{ mark }, from] = [events, asked.mark]
      // This invalidates the existing tokens.
      await setPassword('other')
      await setPassword('shut')
      // Returns the old one twice: once while the connection is open, and once after.
      late = 2
      await lose()
      await proxy.heal()
      void server.setMetadata('Arith', `n=${asked.mark}`).catch(() => {})
      await events.until(({ event }) => event === 'registryDown', mark)
      await events.until(({ event }) => event === 'registryBack', mark)
      await server.published()
      expect(asked.since(from).slice(0, 3)).toEqual(['open', 'open', 'shut'])
    }
    const refused = events.all.filter(({ event }) => event === 'registryDown').at(-1)?.error
    expect(refused).toMatchObject({ code: 'ERR_RPCX_AUTH', message: expect.stringContaining('as rpcx: ') })
    await harness.gateway.logIn('root', 'open')
    expect(await harness.gateway.get(key)).toMatchObject({ lease: before?.lease })
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
    await server.close()
  })

  test('leaves no connection behind when a user logs out', async () => {
    await using proxy = await harness.proxy()
    for (let turn = 0; turn < 3; turn++) {
      const { server } = await harness.published('Arith', { auth, etcdServers: proxy.address })
      await server.close()
    }
    await until(() => proxy.connections === 0)
  })

  const refused: readonly (readonly [string, { username: string; password: string } | undefined, string])[] =
    [
      [
        'a wrong password',
        { username: 'rpcx', password: 'wrong' },
        'is the username or the password of auth wrong?',
      ],
      [
        'an unknown user',
        { username: 'nobody', password: 'open' },
        'is the username or the password of auth wrong?',
      ],
      ['no user', undefined, 'give one as auth'],
      ['a user without permission', { username: 'stranger', password: 'open' }, 'grant a role of this user'],
    ]
  test.each(refused)(
    'makes a required registration of %s reject, with the host, the user and what to do',
    async (_, user, words) => {
      const options = user ? { auth: user } : {}
      const error = await harness
        .member('Arith', { required: true, ...options })
        .catch((error: Error) => error)
      const who = user ? ` as ${user.username}` : ''
      expect(error).toMatchObject({ code: 'ERR_RPCX_AUTH', message: expect.stringContaining(words) })
      expect((error as Error).message).toContain(`etcd ${etcd.address}${who}: `)
    },
  )

  test('reports the prefix to which it has not granted access', async () => {
    await using own = new Harness(etcd)
    const discovery = own.discovery({ auth: { username: 'stranger', password: 'open' } })
    const events = eventsOfDiscovery(discovery)
    void own.view('Arith', discovery)
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error?.message).toContain(`list ${own.basePath}/Arith/ and ${own.basePath.slice(1)}/Arith/: `)
  })

  test('is asked again every five seconds, and registers the server once it grants the rights', async () => {
    const discovery = harness.discovery()
    const discoveryEvents = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    const { events, server, address } = await harness.member('Arith', { metadata: 'n=1' })
    for (const log of [events, discoveryEvents]) {
      const { what } = await log.until(({ event }) => event === 'registryDown')
      expect(isRpcxError(what.error, 'ERR_RPCX_AUTH')).toBe(true)
    }
    const refusals = await harness.gateway.figure('grpc_server_handled_total', 'grpc_code="InvalidArgument"')
    const since = performance.now()
    await harness.gateway.ask('auth/disable', {})
    await server.published()
    expect(performance.now() - since).toBeLessThan(6_000)
    await view.shows({ [address]: 'n=1' })
    const later = await harness.gateway.figure('grpc_server_handled_total', 'grpc_code="InvalidArgument"')
    expect(later - refusals).toBe(0)
  })
})

test.runIf(await requireServer('etcd'))(
  'An etcd without authentication rejects a user with a message that says so',
  async () => {
    await using etcd = await startEtcd()
    await using harness = new PatientHarness(etcd)
    await expect(
      harness.member('Arith', { required: true, auth: { username: 'rpcx', password: 'open' } }),
    ).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
      message: expect.stringContaining('leave auth out'),
    })
  },
)
