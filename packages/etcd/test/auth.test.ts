import { setTimeout as sleep } from 'node:timers/promises'
import { isRpcxError } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { heardOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('etcd'))('An etcd that knows its users', () => {
  const auth = { username: 'rpcx', password: 'open' }
  let etcd: Server
  let stage: Stage
  beforeAll(async () => {
    // A token that is not used for so many seconds is forgotten.
    etcd = await startEtcd({ args: ['--auth-token-ttl=2'] })
    stage = new Stage(etcd)
    const { gateway } = stage
    await gateway.ask('auth/role/add', { name: 'root' })
    await gateway.ask('auth/role/add', { name: 'fleet' })
    for (const base of [stage.basePath, stage.basePath.slice(1)]) {
      const perm = { permType: 'READWRITE', key: base64(base), range_end: base64(`${base}0`) }
      await gateway.ask('auth/role/grant', { name: 'fleet', perm })
    }
    const users = { root: 'root', rpcx: 'fleet', stranger: undefined }
    for (const [user, role] of Object.entries(users)) {
      await gateway.ask('auth/user/add', { name: user, password: 'open' })
      if (role) await gateway.ask('auth/user/grant', { user, role })
    }
    await gateway.ask('auth/enable', {})
  })
  beforeEach(() => stage.gateway.logIn('root', 'open'))
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await etcd.stop()
  })

  test('lets in one of them, also when his token has expired', async () => {
    const { server, address, told } = await stage.published('Arith', { auth, metadata: 'n=1' })
    const discovery = stage.discovery({ auth })
    const heardOf = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    const logIns = (): Promise<number> => stage.gateway.figure('grpc_server_handled_total', LOG_IN)
    const before = await logIns()
    // Its own clock decides, and nothing tells when.
    await sleep(5_000)
    await server.setMetadata('Arith', 'n=2')
    await view.shows({ [address]: 'n=2' })
    expect((await logIns()) - before).toBe(1)
    expect(told.all.map(({ event }) => event)).toEqual(['registered'])
    expect(heardOf.all.map(({ event }) => event)).toEqual(['endpointAdded', 'endpointChanged'])
    await server.close()
  })

  test('is given the new password when it was changed, and nothing is lost meanwhile', async () => {
    let password = 'open'
    const changing = { username: 'rpcx', password: () => password }
    const { server, address, told } = await stage.published('Arith', { auth: changing, metadata: 'n=1' })
    const key = stage.key('Arith', address)
    const before = await stage.gateway.get(key)
    await sinceLogIn()
    await stage.gateway.ask('auth/user/changepw', { name: 'rpcx', password: 'shut' })
    void server.setMetadata('Arith', 'n=2').catch(() => {})
    const { what } = await told.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({ code: 'ERR_RPCX_AUTH', message: expect.stringContaining('as rpcx: ') })
    expect(await stage.gateway.get(key)).toEqual(before)
    password = 'shut'
    await until(async () => (await stage.gateway.get(key))?.value === 'n=2', 20_000)
    expect((await stage.gateway.get(key))?.lease).toBe(before?.lease)
    await stage.gateway.ask('auth/user/changepw', { name: 'rpcx', password: 'open' })
    password = 'open'
    await sinceLogIn()
    await server.setMetadata('Arith', 'n=3')
    expect(told.all.some(({ event }) => event === 'lost')).toBe(false)
    await server.close()
  })

  test('leaves no connection behind when we log out', async () => {
    await using proxy = await stage.proxy()
    for (let turn = 0; turn < 3; turn++) {
      const { server } = await stage.published('Arith', { auth, etcdServers: proxy.address })
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
    'rejects a required registration of %s, naming host, user and remedy',
    async (_, user, words) => {
      const options = user ? { auth: user } : {}
      const error = await stage.member('Arith', { required: true, ...options }).catch((error: Error) => error)
      const who = user ? ` as ${user.username}` : ''
      expect(error).toMatchObject({ code: 'ERR_RPCX_AUTH', message: expect.stringContaining(words) })
      expect((error as Error).message).toContain(`etcd ${etcd.address}${who}: `)
    },
  )

  test('that has not granted the prefix has it named', async () => {
    await using own = new Stage(etcd)
    const discovery = own.discovery({ auth: { username: 'stranger', password: 'open' } })
    const told = heardOfDiscovery(discovery)
    void own.view('Arith', discovery)
    const { what } = await told.until(({ event }) => event === 'registryDown')
    expect(what.error?.message).toContain(`list ${own.basePath}/Arith/ and ${own.basePath.slice(1)}/Arith/: `)
  })

  test('is asked again every five seconds, and registers us once it no longer refuses', async () => {
    const discovery = stage.discovery()
    const heardOf = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    const { told, server, address } = await stage.member('Arith', { metadata: 'n=1' })
    for (const log of [told, heardOf]) {
      const { what } = await log.until(({ event }) => event === 'registryDown')
      expect(isRpcxError(what.error, 'ERR_RPCX_AUTH')).toBe(true)
    }
    const refusals = await stage.gateway.figure('grpc_server_handled_total', 'grpc_code="InvalidArgument"')
    const since = performance.now()
    await stage.gateway.ask('auth/disable', {})
    await server.published()
    expect(performance.now() - since).toBeLessThan(6_000)
    await view.shows({ [address]: 'n=1' })
    const later = await stage.gateway.figure('grpc_server_handled_total', 'grpc_code="InvalidArgument"')
    expect(later - refusals).toBe(0)
  })
})

test.runIf(await requireServer('etcd'))('An etcd that knows no users says so to one', async () => {
  await using etcd = await startEtcd()
  await using stage = new Stage(etcd)
  await expect(
    stage.member('Arith', { required: true, auth: { username: 'rpcx', password: 'open' } }),
  ).rejects.toMatchObject({
    code: 'ERR_RPCX_AUTH',
    message: expect.stringContaining('leave auth out'),
  })
})

/** Whoever has just logged in and is refused takes it for a fault. */
function sinceLogIn(): Promise<void> {
  return sleep(1_100)
}

const LOG_IN = 'grpc_code="OK",grpc_method="Authenticate"'

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
