import { expect, test } from 'vitest'
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

test.runIf(runnable)('A Consul with ACLs refuses a stranger and serves the token', async () => {
  const token = '7b1c6c0e-7e0e-4a39-8a53-0f6b8d1f5d01'
  const acl = { enabled: true, default_policy: 'deny', tokens: { master: token, agent: token } }
  await using consul = await startConsul({ config: { acl }, token })
  const url = `http://${consul.address}/v1/kv/key`
  expect((await fetch(url, { method: 'PUT', body: 'value' })).status).toBe(403)
  const headers = { 'X-Consul-Token': token }
  expect((await fetch(url, { method: 'PUT', body: 'value', headers })).status).toBe(200)
})

function createSession(address: string, ttl: string): Promise<Response> {
  return fetch(`http://${address}/v1/session/create`, { method: 'PUT', body: JSON.stringify({ TTL: ttl }) })
}
