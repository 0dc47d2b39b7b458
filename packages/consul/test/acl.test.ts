import { isRpcxError } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import type { Log, Told } from '@rpcx/testing'
import { atMost, heardOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

const MASTER = '7b1c6c0e-7e0e-4a39-8a53-0f6b8d1f5d01'

/** What a server needs, below one base path. */
const rights = (base: string): string =>
  `key_prefix "${base}" { policy = "write" } session_prefix "" { policy = "write" }`
/** What a client needs. */
const reading = (base: string): string => `key_prefix "${base}" { policy = "read" }`

describe.runIf(await requireServer('consul'))('A Consul with ACLs', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul({ bootstrapToken: MASTER })
  })
  afterAll(() => consul.stop())

  const open = (): Stage => new Stage(consul, consul.address, MASTER)

  test('accepts a server whose token has write rights, and a client whose token can only read', async () => {
    await using stage = open()
    const server = await makeToken(stage, rights(stage.basePath))
    const client = await makeToken(stage, reading(stage.basePath))
    const { address } = await stage.published('Arith', { token: server.SecretID, metadata: 'n=1' })
    await stage.view('Arith', stage.discovery({ token: client.SecretID })).shows({ [address]: 'n=1' })
  })

  test('accepts catalog registrations with a token that has write rights, and rejects others', async () => {
    await using stage = open()
    const base = stage.basePath
    const services = (policy: string) =>
      `service_prefix "" { policy = "${policy}" } node_prefix "" { policy = "read" }`
    const server = await makeToken(stage, `${rights(base)} ${services('write')}`)
    const client = await makeToken(stage, services('read'))
    const options = { catalog: true, metadata: 'n=1' }
    const { address } = await stage.published('Arith', { ...options, token: server.SecretID })
    await stage.view('Arith', stage.catalog({ token: client.SecretID })).shows({ [address]: 'n=1' })
    const { SecretID: token } = await makeToken(stage, `${rights(base)} ${services('read')}`)
    await expect(stage.member('Echo', { ...options, token, required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
      message: expect.stringContaining('Permission denied'),
    })
  })

  test.each([
    ['no token', undefined, 'Permission denied'],
    ['a token that it does not know', '00000000-dead-0000-0000-000000000000', 'ACL not found'],
  ])(
    'makes serve() reject with the reason of Consul when registration is required: %s',
    async (_who, token, said) => {
      await using stage = open()
      const plugin = token === undefined ? {} : { token }
      await expect(stage.member('Arith', { required: true, ...plugin })).rejects.toMatchObject({
        code: 'ERR_RPCX_AUTH',
        message: expect.stringContaining(`403 ${said}`),
      })
    },
  )

  test('rejects a token that can read but not write, with the status and reason of Consul', async () => {
    await using stage = open()
    const base = stage.basePath
    for (const rules of [
      reading(base),
      `${reading(base)} session_prefix "" { policy = "write" }`,
      `${reading(base)} key "${base}" { policy = "write" } key "${base}/Arith" { policy = "write" } session_prefix "" { policy = "write" }`,
    ]) {
      const { SecretID: token } = await makeToken(stage, rules)
      await expect(stage.member('Arith', { required: true, token })).rejects.toMatchObject({
        code: 'ERR_RPCX_AUTH',
        message: expect.stringMatching(/40[39] Permission denied/),
      })
    }
  })

  test('never shows an empty list to a client without read rights', async () => {
    await using stage = open()
    const { address } = await stage.published('Arith', { token: MASTER })
    const discovery = stage.discovery()
    const told = heardOfDiscovery(discovery)
    await expect(discovery.list('Arith', { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      cause: { code: 'ERR_RPCX_AUTH' },
    })
    await expectRefused(told)
    expect(discovery.status('Arith').state).toBe('waiting')
    const { SecretID: token } = await makeToken(stage, reading(stage.basePath))
    await stage.view('Arith', stage.discovery({ token })).shows({ [address]: '' })
  })

  test('is asked again every five seconds, and registers the server once the token gets its rights', async () => {
    await using stage = open()
    const { hand } = stage
    const policy = JSON.parse(
      await hand.ask('PUT', 'acl/policy', JSON.stringify({ Name: `late-${stage.basePath}`, Rules: '' })),
    ) as { ID: string; Name: string }
    const { SecretID: token } = JSON.parse(
      await hand.ask('PUT', 'acl/token', JSON.stringify({ Policies: [{ ID: policy.ID }] })),
    ) as Token
    const discovery = stage.discovery({ token })
    const heardOf = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    const { told, server, address } = await stage.member('Arith', { metadata: 'n=1', token })
    await expectRefused(told)
    await expectRefused(heardOf)
    const since = performance.now()
    const granted = { Name: policy.Name, Rules: rights(stage.basePath) }
    await hand.ask('PUT', `acl/policy/${policy.ID}`, JSON.stringify(granted))
    await server.published()
    expect(performance.now() - since).toBeLessThan(6_000)
    await view.shows({ [address]: 'n=1' })
  })

  test.concurrent('keeps the list when a token in use is deleted, and reports it in an event', async () => {
    await using stage = open()
    const { hand } = stage
    const { address } = await stage.published('Arith', { token: MASTER, metadata: 'n=1' })
    const token = await makeToken(stage, rights(stage.basePath))
    const discovery = stage.discovery({ token: token.SecretID })
    const heardOf = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    const member = await stage.published('Echo', { token: token.SecretID })
    await view.shows({ [address]: 'n=1' })
    const since = performance.now()
    await hand.ask('DELETE', `acl/token/${token.AccessorID}`)
    const { at } = await expectRefused(heardOf)
    atMost(11_000, 'a token that was taken back is noticed', at - since)
    await expectRefused(member.told)
    expect(discovery.status('Arith').state).toBe('stale')
    expect(view.all).toEqual([{ [address]: 'n=1' }])
    // What it held goes by its TTL, as nobody may keep it alive.
    await until(async () => (await hand.get(stage.key('Echo', member.address))) === undefined, 30_000)
    await member.server.close()
  }, 60_000)
})

describe.runIf(await requireServer('consul'))('A TTL that Consul rejects', () => {
  test('makes serve() reject at once with the reason of Consul, because a retry cannot help', async () => {
    await using consul = await startConsul()
    await using stage = new Stage(consul)
    await expect(stage.member('Arith', { ttlMs: 1_000, startTimeoutMs: 10_000 })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      fatal: true,
      message: expect.stringContaining("Invalid Session TTL '1000000000', must be between [2s=24h0m0s]"),
    })
  })
})

interface Token {
  readonly AccessorID: string
  readonly SecretID: string
}

async function makeToken({ hand }: Stage, rules: string): Promise<Token> {
  const name = `policy-${Math.random().toString(36).slice(2)}`
  await hand.ask('PUT', 'acl/policy', JSON.stringify({ Name: name, Rules: rules }))
  return JSON.parse(
    await hand.ask('PUT', 'acl/token', JSON.stringify({ Policies: [{ Name: name }] })),
  ) as Token
}

async function expectRefused(log: Log<Told>): Promise<{ at: number }> {
  const told = await log.until(({ event }) => event === 'registryDown')
  expect(isRpcxError(told.what.error, 'ERR_RPCX_AUTH')).toBe(true)
  expect(told.what.error?.message).toMatch(/40[39] (Permission denied|ACL not found)/)
  return told
}
