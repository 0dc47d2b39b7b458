import { expect, test } from 'vitest'
import { requireServer, startEtcd } from '../src/index.ts'
import { describeLifecycle } from './lifecycle.ts'

await describeLifecycle({
  kind: 'etcd',
  start: () => startEtcd(),
  async write(address, key) {
    await ask(address, 'put', { key: btoa(key), value: btoa('value') })
  },
  async has(address, key) {
    const { count } = await ask(address, 'range', { key: btoa(key) })
    return count === '1'
  },
})

test.runIf(await requireServer('etcd'))('An etcd that does not start shows its last words', async () => {
  await expect(startEtcd({ args: ['--no-such-flag'] })).rejects.toThrow(
    /etcd did not start: exit code .*no-such-flag/s,
  )
})

async function ask(address: string, operation: string, body: object): Promise<{ count?: string }> {
  const url = `http://${address}/v3/kv/${operation}`
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  return (await response.json()) as { count?: string }
}
