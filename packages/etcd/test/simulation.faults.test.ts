import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Server, TcpProxy } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import type { Entries, Member } from '@rpcx/testing'
import { Random, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

const SERVICES = Array.from({ length: 10 }, (_, n) => `S${n}`)
const ECHO = { Echo: (value: unknown): unknown => value }

interface Node extends Member {
  readonly proxy: TcpProxy
  readonly wanted: Map<string, string>
}

// RPCX_SEED repeats one run.
const seeds =
  process.env.RPCX_SEED === undefined
    ? Array.from({ length: 5 }, () => randomInt(2 ** 31))
    : [Number(process.env.RPCX_SEED)]

describe.runIf(await requireServer('etcd'))('After any sequence of events at 50 entries', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test.each(seeds)(
    'the lists equal the registry, and the registry has what the servers want: seed %i',
    async seed => {
      await using harness = new Harness(etcd)
      const { gateway } = harness
      const random = new Random(seed)
      const nodes: Node[] = []
      for (let n = 0; n < 5; n++) {
        const proxy = await harness.proxy()
        const member = await harness.published('S0', { etcdServers: proxy.address, metadata: 'n=0' })
        const wanted = new Map([['S0', 'n=0']])
        nodes.push({ proxy, ...member, wanted })
      }
      for (const { server, wanted } of nodes) {
        for (const service of SERVICES.slice(1)) {
          server.registerName(service, ECHO, 'n=0')
          wanted.set(service, 'n=0')
        }
      }
      const proxy = await harness.proxy()
      const discovery = harness.discovery({ etcdServers: proxy.address })
      const views = SERVICES.map(service => harness.view(service, discovery))

      for (let step = 1; step <= 400; step++) {
        const { server, address, wanted, proxy: theirs } = random.pick(nodes)
        const service = random.pick(SERVICES)
        const broken = random.pick([theirs, proxy])
        switch (random.below(12)) {
          case 0:
            broken.drop()
            break
          case 1:
            await broken.cut({ refuse: random.below(2) === 0 })
            break
          case 2:
          case 3:
            await broken.heal()
            break
          case 4:
            await gateway.compact()
            break
          case 5:
            await gateway.remove(harness.key(service, address))
            break
          case 6: {
            if (wanted.delete(service)) await server.unregister(service)
            break
          }
          case 7: {
            const found = await gateway.get(harness.key(service, address))
            if (found !== undefined && found.lease !== '0' && random.below(20) === 0)
              await gateway.revoke(found.lease)
            break
          }
          default: {
            const metadata = `n=${step}`
            // This does not assert that it is seen in time, because etcd may be unreachable.
            if (wanted.has(service)) void server.setMetadata(service, metadata).catch(() => {})
            else server.registerName(service, ECHO, metadata)
            wanted.set(service, metadata)
          }
        }
      }
      for (const node of nodes) await node.proxy.heal()
      await proxy.heal()
      const rested = performance.now()

      const wanted = (service: string): Entries =>
        Object.fromEntries(
          nodes
            .filter(node => node.wanted.has(service))
            .map(node => [node.address, node.wanted.get(service) as string]),
        )
      for (const [n, service] of SERVICES.entries()) {
        const prefix = `${harness.key(service)}/`
        const view = views[n]
        try {
          await until(async () => {
            const stored = await gateway.all(prefix)
            const held = Object.fromEntries(stored.map(({ key, value }) => [key.slice(prefix.length), value]))
            return isDeepStrictEqual(held, wanted(service)) && isDeepStrictEqual(view?.last, held)
          }, 15_000)
        } catch {
          const stored = await gateway.all(prefix)
          const held = Object.fromEntries(stored.map(({ key, value }) => [key.slice(prefix.length), value]))
          expect({ service, held, shown: view?.last }).toEqual({
            service,
            held: wanted(service),
            shown: wanted(service),
          })
        }
      }
      console.info(`seed ${seed}: at rest after ${(performance.now() - rested).toFixed(0)} ms`)
    },
  )
})
