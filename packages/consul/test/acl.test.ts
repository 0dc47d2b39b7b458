import { isRpcxError } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import type { Log, RecordedEvent } from '@rpcx/testing'
import { atMost, eventsOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

const MASTER = '7b1c6c0e-7e0e-4a39-8a53-0f6b8d1f5d01'

/** The rights of a server below one base path. */
const rights = (base: string): string =>
  `key_prefix "${base}" { policy = "write" } session_prefix "" { policy = "write" }`
/** The rights of a client. */
const reading = (base: string): string => `key_prefix "${base}" { policy = "read" }`

describe.runIf(await requireServer('consul'))('A Consul with ACLs', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul({ bootstrapToken: MASTER })
  })
  afterAll(() => consul.stop())

  const open = (): Harness => new Harness(consul, consul.address, MASTER)

  test('accepts a server whose token has write rights, and a client whose token can only read', async () => {
    await using harness = open()
    const server = await makeToken(harness, rights(harness.basePath))
    const client = await makeToken(harness, reading(harness.basePath))
    const { address } = await harness.published('Arith', { token: server.SecretID, metadata: 'n=1' })
    await harness.view('Arith', harness.discovery({ token: client.SecretID })).shows({ [address]: 'n=1' })
  })

  test('accepts catalog registrations with a token that has write rights, and rejects others', async () => {
    await using harness = open()
    const base = harness.basePath
    const services = (policy: string) =>
      `service_prefix "" { policy = "${policy}" } node_prefix "" { policy = "read" }`
    const server = await makeToken(harness, `${rights(base)} ${services('write')}`)
    const client = await makeToken(harness, services('read'))
    const options = { catalog: true, metadata: 'n=1' }
    const { address } = await harness.published('Arith', { ...options, token: server.SecretID })
    await harness.view('Arith', harness.catalog({ token: client.SecretID })).shows({ [address]: 'n=1' })
    const { SecretID: token } = await makeToken(harness, `${rights(base)} ${services('read')}`)
    await expect(harness.member('Echo', { ...options, token, required: true })).rejects.toMatchObject({
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
      await using harness = open()
      const plugin = token === undefined ? {} : { token }
      await expect(harness.member('Arith', { required: true, ...plugin })).rejects.toMatchObject({
        code: 'ERR_RPCX_AUTH',
        message: expect.stringContaining(`403 ${said}`),
      })
    },
  )

  test('rejects a token that can read but not write, with the status and reason of Consul', async () => {
    await using harness = open()
    const base = harness.basePath
    for (const rules of [
      reading(base),
      `${reading(base)} session_prefix "" { policy = "write" }`,
      `${reading(base)} key "${base}" { policy = "write" } key "${base}/Arith" { policy = "write" } session_prefix "" { policy = "write" }`,
    ]) {
      const { SecretID: token } = await makeToken(harness, rules)
      await expect(harness.member('Arith', { required: true, token })).rejects.toMatchObject({
        code: 'ERR_RPCX_AUTH',
        message: expect.stringMatching(/40[39] Permission denied/),
      })
    }
  })

  test('never shows an empty list to a client without read rights', async () => {
    await using harness = open()
    const { address } = await harness.published('Arith', { token: MASTER })
    const discovery = harness.discovery()
    const events = eventsOfDiscovery(discovery)
    await expect(discovery.list('Arith', { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      cause: { code: 'ERR_RPCX_AUTH' },
    })
    await expectRefused(events)
    expect(discovery.status('Arith').state).toBe('waiting')
    const { SecretID: token } = await makeToken(harness, reading(harness.basePath))
    await harness.view('Arith', harness.discovery({ token })).shows({ [address]: '' })
  })

  test('is asked again every five seconds, and registers the server once the token gets its rights', async () => {
    await using harness = open()
    const { raw } = harness
    const policy = JSON.parse(
      await raw.ask('PUT', 'acl/policy', JSON.stringify({ Name: `late-${harness.basePath}`, Rules: '' })),
    ) as { ID: string; Name: string }
    const { SecretID: token } = JSON.parse(
      await raw.ask('PUT', 'acl/token', JSON.stringify({ Policies: [{ ID: policy.ID }] })),
    ) as Token
    const discovery = harness.discovery({ token })
    const discoveryEvents = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    const { events, server, address } = await harness.member('Arith', { metadata: 'n=1', token })
    await expectRefused(events)
    await expectRefused(discoveryEvents)
    const since = performance.now()
    const granted = { Name: policy.Name, Rules: rights(harness.basePath) }
    await raw.ask('PUT', `acl/policy/${policy.ID}`, JSON.stringify(granted))
    await server.published()
    expect(performance.now() - since).toBeLessThan(6_000)
    await view.shows({ [address]: 'n=1' })
  })

  test.concurrent('keeps the list when a token in use is deleted, and reports it in an event', async () => {
    await using harness = open()
    const { raw } = harness
    const { address } = await harness.published('Arith', { token: MASTER, metadata: 'n=1' })
    const token = await makeToken(harness, rights(harness.basePath))
    const discovery = harness.discovery({ token: token.SecretID })
    const discoveryEvents = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    const member = await harness.published('Echo', { token: token.SecretID })
    await view.shows({ [address]: 'n=1' })
    const since = performance.now()
    await raw.ask('DELETE', `acl/token/${token.AccessorID}`)
    const { at } = await expectRefused(discoveryEvents)
    atMost(11_000, 'a token that was taken back is noticed', at - since)
    await expectRefused(member.events)
    expect(discovery.status('Arith').state).toBe('stale')
    expect(view.all).toEqual([{ [address]: 'n=1' }])
    // Its entry expires with the TTL, because nothing may renew the session.
    await until(async () => (await raw.get(harness.key('Echo', member.address))) === undefined, 30_000)
    await member.server.close()
  }, 60_000)
})

describe.runIf(await requireServer('consul'))('A TTL that Consul rejects', () => {
  test('makes serve() reject at once with the reason of Consul, because a retry cannot help', async () => {
    await using consul = await startConsul()
    await using harness = new Harness(consul)
    await expect(harness.member('Arith', { ttlMs: 1_000, startTimeoutMs: 10_000 })).rejects.toMatchObject({
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

async function makeToken({ raw }: Harness, rules: string): Promise<Token> {
  const name = `policy-${Math.random().toString(36).slice(2)}`
  await raw.ask('PUT', 'acl/policy', JSON.stringify({ Name: name, Rules: rules }))
  return JSON.parse(
    await raw.ask('PUT', 'acl/token', JSON.stringify({ Policies: [{ Name: name }] })),
  ) as Token
}

async function expectRefused(log: Log<RecordedEvent>): Promise<{ at: number }> {
  const events = await log.until(({ event }) => event === 'registryDown')
  expect(isRpcxError(events.what.error, 'ERR_RPCX_AUTH')).toBe(true)
  expect(events.what.error?.message).toMatch(/40[39] (Permission denied|ACL not found)/)
  return events
}
