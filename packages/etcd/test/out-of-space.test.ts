import { requireServer, startEtcd } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { expect, test } from 'vitest'
import { Harness, TTL_MS } from './harness.ts'

test.runIf(await requireServer('etcd'))(
  'An etcd without free space keeps its entries, and still accepts new clients',
  async () => {
    await using etcd = await startEtcd({ args: ['--quota-backend-bytes=2097152'] })
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const proxy = await harness.proxy()
    const { server, address, events } = await harness.published('Arith', {
      etcdServers: proxy.address,
      metadata: 'n=1',
    })
    const key = harness.key('Arith', address)
    const before = await gateway.get(key)
    await fill(harness)

    await proxy.cut()
    await events.until(({ event }) => event === 'registryDown')
    await proxy.heal()
    const back = await events.until(({ event }) => event === 'registryBack')
    // Twice as long as its TTL without renewal.
    await until(() => performance.now() - back.at > 2 * TTL_MS, 3 * TTL_MS)
    expect(await gateway.get(key)).toEqual(before)
    expect(events.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])

    await gateway.removeAll('/filler')
    await gateway.compact()
    await gateway.ask('maintenance/defragment', {})
    await gateway.disarm()
    await server.setMetadata('Arith', 'n=2')
    expect(await gateway.get(key)).toMatchObject({ value: 'n=2', lease: before?.lease })
  },
  60_000,
)

/** Writes until etcd raises its alarm. */
async function fill({ gateway }: Harness): Promise<void> {
  const value = 'x'.repeat(256 * 1_024)
  for (let n = 0; ; n++) {
    const refusal = await gateway.put(`/filler/${n}`, value).catch((error: Error) => error)
    if (refusal instanceof Error && /database space exceeded/.test(refusal.message)) return
    if (refusal instanceof Error) throw refusal
  }
}
