import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import { startSocks } from './socks.ts'
import { fourLetterWord, type ZooKeeperOptions, zooKeeperRecipe } from './zookeeper.ts'

/** Starts ZooKeeper servers with 96 MB of heap each, which elect a leader. Resolves when all serve clients. */
export function startZooKeeperEnsemble(options: ZooKeeperOptions & ClusterOptions = {}): Promise<Cluster> {
  return startCluster('zookeeper', options, async (reservations, network) => {
    const socks = await startSocks(network, reservations)
    const servers = reservations.map(({ ports }, index) => [
      `server.${index + 1}`,
      `127.0.0.1:${ports[1]}:${ports[2]}`,
    ])
    // In ticks: 2 s to follow a new leader, 1 s without a word until one is given up.
    const config = { initLimit: 10, syncLimit: 5, ...Object.fromEntries(servers), ...options.config }
    return {
      recipes: reservations.map((_, index) =>
        zooKeeperRecipe(
          { ...options, config },
          { id: index + 1, flags: throughSocks(socks.ports[index] as number) },
        ),
      ),
      leads: async index =>
        (await fourLetterWord(`127.0.0.1:${reservations[index]?.ports[0]}`, 'srvr')).includes('Mode: leader'),
      [Symbol.asyncDispose]: () => socks[Symbol.asyncDispose](),
    }
  })
}

/** Settings of Java. The empty one makes Java use the proxy for 127.0.0.1, too. */
function throughSocks(port: number): string[] {
  return ['-DsocksProxyHost=127.0.0.1', `-DsocksProxyPort=${port}`, '-DsocksNonProxyHosts=']
}
