import { Resolver } from 'node:dns/promises'
import { expect, test } from 'vitest'
import { untilResolved } from '../src/deadline.ts'
import { ExternalServer } from '../src/external-server.ts'
import { requireServer, startConsul } from '../src/index.ts'
import { describeLifecycle } from './lifecycle.ts'

const runnable = await requireServer('consul')

await describeLifecycle({
  kind: 'consul',
  start: () => startConsul(),
  async write(address, key) {
    await fetch(`http://${address}/v1/kv/${key}`, { method: 'PUT', body: 'value' })
  },
  async has(address, key) {
    const response = await fetch(`http://${address}/v1/kv/${key}`)
    return response.ok
  },
})

test.runIf(runnable)(
  'A Consul grants sessions of 2 s, with the node check, as soon as it has started',
  async () => {
    await using consul = await startConsul()
    const created = await createSession(consul.address, '2s')
    expect([created.status, await created.text()]).toEqual([200, expect.stringContaining('ID')])
    const refused = await createSession(consul.address, '1s')
    expect(await refused.text()).toContain('must be between [2s=24h0m0s]')
  },
)

const owned = runnable && !process.env.RPCX_CONSUL

const token = '7b1c6c0e-7e0e-4a39-8a53-0f6b8d1f5d01'
const acl = { enabled: true, default_policy: 'deny', tokens: { master: token, agent: token } }

test.runIf(owned).each([
  ['a bootstrap token', { bootstrapToken: token }],
  ['ACLs of its own configuration', { config: { acl }, token }],
])('A Consul with %s rejects a client without a token, and accepts one with it', async (_, options) => {
  await using consul = await startConsul(options)
  const url = `http://${consul.address}/v1/kv/key`
  expect((await fetch(url, { method: 'PUT', body: 'value' })).status).toBe(403)
  const headers = { 'X-Consul-Token': token }
  expect((await fetch(url, { method: 'PUT', body: 'value', headers })).status).toBe(200)
})

test.runIf(owned)(
  'Two Consul datacenters joined over WAN read each other, also after a restart',
  async () => {
    await using near = await startConsul({ datacenter: 'near' })
    await using far = await startConsul({ datacenter: 'far', joinWan: near })
    await fetch(`http://${near.address}/v1/kv/key`, { method: 'PUT', body: 'value' })
    const fromFar = `http://${far.address}/v1/kv/key?raw`
    const read = async () => expect(await (await fetch(`${fromFar}&dc=near`)).text()).toBe('value')
    await untilResolved(read, { what: 'a read from the other datacenter', timeoutMs: 5_000 })
    expect((await fetch(fromFar)).status).toBe(404)
    await near.restart()
    await untilResolved(read, { what: 'a read after a restart', timeoutMs: 10_000 })
  },
)

test.runIf(owned)('A Consul without a WAN address cannot be joined over WAN', async () => {
  const other = new ExternalServer('consul', '127.0.0.1:1')
  await expect(async () => startConsul({ joinWan: other })).rejects.toThrow('joinWan: 127.0.0.1:1')
})

test.runIf(owned)('A Consul answers DNS for its services', async () => {
  await using consul = await startConsul()
  const service = { Name: 'web', Address: '127.0.0.9', Port: 80 }
  const init = { method: 'PUT', body: JSON.stringify(service) }
  await fetch(`http://${consul.address}/v1/agent/service/register`, init)
  const resolver = new Resolver({ timeout: 1_000 })
  resolver.setServers([consul.extraAddresses.dns as string])
  const resolve = () => resolver.resolve4('web.service.consul')
  expect(await untilResolved(resolve, { what: 'the service', timeoutMs: 5_000 })).toEqual(['127.0.0.9'])
})

function createSession(address: string, ttl: string): Promise<Response> {
  return fetch(`http://${address}/v1/session/create`, { method: 'PUT', body: JSON.stringify({ TTL: ttl }) })
}
