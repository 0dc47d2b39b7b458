import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CachedDiscovery } from '@rpcx/core'
import { requireServer, startEtcd } from '@rpcx/servers'
import { atMost, View } from '@rpcx/testing'
import { expect, test } from 'vitest'
import { Stage } from './stage.ts'

test.runIf(await requireServer('etcd'))(
  'A client that starts while etcd is down is served from its cache at once, and by etcd once it is up',
  async () => {
    await using etcd = await startEtcd()
    await using stage = new Stage(etcd)
    const folder = await mkdtemp(join(tmpdir(), 'rpcx-cache-'))
    const cached = (): CachedDiscovery =>
      stage.open(new CachedDiscovery(stage.discovery(), { file: join(folder, 'lists.json') }))
    try {
      await stage.gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), 'is=old')
      const before = cached()
      expect(await before.list('Arith')).toHaveLength(1)
      await before.close()
      await stage.gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), 'is=new')
      await etcd.kill()

      const since = performance.now()
      const discovery = cached()
      const view = new View(discovery, 'Arith')
      const { at } = await view.shows({ 'tcp@10.0.0.1:1': 'is=old' })
      atMost(100, 'served from the cache', at - since)
      expect(discovery.status('Arith')).toMatchObject({ state: 'stale', source: 'cache' })

      await etcd.restart()
      const up = performance.now()
      const fresh = await view.shows({ 'tcp@10.0.0.1:1': 'is=new' })
      atMost(5_000, 'etcd is up, its list is there', fresh.at - up)
      expect(discovery.status('Arith').state).toBe('fresh')
      expect(view.all).toHaveLength(2)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)
