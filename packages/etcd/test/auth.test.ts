import { isRpcxError } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DISCOVERY_EVENTS, heard, Stage } from './stage.ts'

describe.runIf(await requireServer('etcd'))('An etcd that refuses us', () => {
  let etcd: Server
  let stage: Stage
  beforeAll(async () => {
    etcd = await startEtcd()
    stage = new Stage(etcd)
    const { gateway } = stage
    await gateway.ask('auth/user/add', { name: 'root', password: 'secret' })
    await gateway.ask('auth/role/add', { name: 'root' })
    await gateway.ask('auth/user/grant', { user: 'root', role: 'root' })
    await gateway.ask('auth/enable', {})
    await gateway.logIn('root', 'secret')
  })
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await etcd.stop()
  })

  test('rejects serve() when registration is required, with its own words', async () => {
    await expect(stage.member('Arith', { required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
      message: expect.stringContaining('user name is empty'),
    })
  })

  test('is told in an event and asked again every five seconds, and registers once it no longer does', async () => {
    const discovery = stage.discovery()
    const heardOf = heard(discovery, DISCOVERY_EVENTS)
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
