import type { Discovery, RegisterPlugin } from '@rpcx/core'
import { MultiDiscovery, Server, XClient } from '@rpcx/core'
import { EtcdDiscovery, EtcdRegisterPlugin } from '@rpcx/etcd'
import { requireServer, startEtcd, startZooKeeper } from '@rpcx/servers'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '@rpcx/zookeeper'
import { expect, test } from 'vitest'

interface EchoService {
  Echo(value: number): number
}

type Plugins = () => readonly RegisterPlugin[]

const runnable = (await requireServer('etcd')) && (await requireServer('zookeeper'))

test.runIf(runnable)(
  'servers move from ZooKeeper to etcd, and no call fails',
  async () => {
    await using zooKeeper = await startZooKeeper()
    await using etcd = await startEtcd()
    const basePath = '/rpcx_test'
    const inZooKeeper = { zooKeeperServers: zooKeeper.address, basePath }
    const inEtcd = { etcdServers: etcd.address, basePath }
    const old: Plugins = () => [new ZooKeeperRegisterPlugin(inZooKeeper)]
    const both: Plugins = () => [...old(), new EtcdRegisterPlugin(inEtcd)]
    const next: Plugins = () => [new EtcdRegisterPlugin(inEtcd)]

    const servers = await Promise.all([0, 1, 2].map(() => served('127.0.0.1:0', old())))
    const restarted = async (plugins: Plugins): Promise<void> => {
      for (const [i, server] of servers.entries()) {
        const listen = (server.address as string).slice('tcp@'.length)
        await server.close()
        servers[i] = await served(listen, plugins())
      }
    }
    let client = new Client(new ZooKeeperDiscovery(inZooKeeper))
    const replaced = async (discovery: Discovery): Promise<void> => {
      const replacement = new Client(discovery)
      await replacement.answered(100)
      await client.close()
      client = replacement
    }
    await client.answered(100)

    await restarted(both)
    // Clients that know one registry only, as Go's, may use either now.
    for (const discovery of [new EtcdDiscovery(inEtcd), new ZooKeeperDiscovery(inZooKeeper)]) {
      expect(await discovery.list('Work')).toHaveLength(3)
      await discovery.close()
    }
    await replaced(new MultiDiscovery([new EtcdDiscovery(inEtcd), new ZooKeeperDiscovery(inZooKeeper)]))
    await restarted(next)
    await replaced(new EtcdDiscovery(inEtcd))
    await zooKeeper.stop()
    await client.answered(100)

    await client.close()
    await Promise.all(servers.map(server => server.close()))
  },
  60_000,
)

async function served(listen: string, plugins: readonly RegisterPlugin[]): Promise<Server> {
  const server = new Server({ lingerMs: 100 })
  for (const plugin of plugins) server.plugins.add(plugin)
  server.registerName('Work', { Echo: (value: number) => value })
  await server.serve('tcp', listen)
  await server.published()
  return server
}

/** Calls all the time, and tells of the first call that failed. */
class Client {
  readonly #discovery: Discovery
  readonly #client: XClient<EchoService>
  readonly #done: Promise<void>
  #calls = 0
  #isOver = false

  constructor(discovery: Discovery) {
    this.#discovery = discovery
    this.#client = new XClient<EchoService>('Work', discovery, { selectMode: 'roundRobin' })
    this.#done = this.#run()
    this.#done.catch(() => {})
  }

  /** Resolves after so many more calls. */
  async answered(calls: number): Promise<void> {
    const enough = this.#calls + calls
    while (this.#calls < enough)
      await Promise.race([new Promise(resolve => setImmediate(resolve)), this.#done])
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#done
    await this.#client.close()
    await this.#discovery.close()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      expect(await this.#client.call('Echo', this.#calls)).toBe(this.#calls)
      this.#calls++
    }
  }
}
