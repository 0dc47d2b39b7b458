import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import { type EtcdOptions, etcdRecipe } from './etcd.ts'
import { startSocks } from './socks.ts'

/**
 * Starts etcd members that elect a leader in about half a second. Resolves when all have it and answer. A member
 * must not be wiped: etcd refuses one that has forgotten what it once agreed to.
 */
export function startEtcdCluster(options: EtcdOptions & ClusterOptions = {}): Promise<Cluster> {
  return startCluster('etcd', options, async (reservations, network) => {
    const socks = await startSocks(network, reservations)
    const urls = reservations.map(({ ports }) => `http://${notQuiteLocalhost}:${ports[1]}`)
    const cluster = urls.map((url, index) => `member-${index + 1}=${url}`).join()
    const recipes = reservations.map((_, index) =>
      etcdRecipe(options, () => ({
        name: `member-${index + 1}`,
        peerUrl: urls[index] as string,
        cluster,
        args: ['--heartbeat-interval=50', '--election-timeout=500'],
        env: throughSocks(socks.ports[index] as number),
      })),
    )
    return {
      recipes,
      leads: async index => {
        const url = `http://127.0.0.1:${reservations[index]?.ports[2]}/metrics`
        const response = await fetch(url, { signal: AbortSignal.timeout(400) })
        return /^etcd_server_is_leader 1$/m.test(await response.text())
      },
      [Symbol.asyncDispose]: () => socks[Symbol.asyncDispose](),
    }
  })
}

// Go never uses a proxy for `localhost` and 127.0.0.0/8. With a final dot, the name resolves to the same address.
const notQuiteLocalhost = 'localhost.'

function throughSocks(port: number): Record<string, string> {
  const url = `socks5://127.0.0.1:${port}`
  return { HTTP_PROXY: url, http_proxy: url, NO_PROXY: '', no_proxy: '' }
}
