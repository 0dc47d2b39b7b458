import { expect, test } from 'vitest'
import { requireCluster, startConsulCluster } from '../src/index.ts'
import { describeCluster } from './cluster.ts'

await describeCluster({
  kind: 'consul',
  settleMs: 40_000,
  start: () => startConsulCluster(),
  async write(address, key) {
    const text = await ask(address, `kv/${key}`, { method: 'PUT', body: 'value' })
    if (text.trim() !== 'true') throw new Error(text)
  },
  async has(address, key) {
    return (await ask(address, 'kv/?keys&stale')).includes(`"${key}"`)
  },
  async hasMajority({ address }) {
    return (await ask(address, 'status/leader')).trim() !== '""'
  },
})

async function ask(address: string, path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`http://${address}/v1/${path}`, {
    ...init,
    signal: AbortSignal.timeout(2_000),
  })
  const text = await response.text()
  if (!response.ok && response.status !== 404) throw new Error(`${path}: ${response.status} ${text}`)
  return text
}

test.runIf(await requireCluster('consul'))(
  'Consul servers with ACLs elect a leader and serve the token',
  async () => {
    const bootstrapToken = '7b1c6c0e-7e0e-4a39-8a53-0f6b8d1f5d02'
    await using cluster = await startConsulCluster({ bootstrapToken })
    const { address } = await cluster.leader()
    await expect(ask(address, 'kv/key', { method: 'PUT', body: 'value' })).rejects.toThrow('403')
    const headers = { 'X-Consul-Token': bootstrapToken }
    expect(await ask(address, 'kv/key', { method: 'PUT', body: 'value', headers })).toBe('true')
  },
)
