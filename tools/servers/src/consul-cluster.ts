import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import { type ConsulOptions, consulRecipe } from './consul.ts'
import { forwardLoopback, loopbackHost } from './loopback.ts'

/**
 * Starts Consul servers of one datacenter that elect a leader. Resolves when all have it and their nodes are in the
 * catalog. Linux only. While a member is cut off or stalled no others gossip by TCP, because a connection does not
 * show who dialed it; their datagrams go on, so that nobody is taken for dead, but nobody new can join. A member that
 * was cut off can need seconds more than `heal`: the leader returns to it with growing pauses, and then its higher
 * term costs an election.
 */
export function startConsulCluster(
  options: Omit<ConsulOptions, 'joinWan'> & ClusterOptions = {},
): Promise<Cluster> {
  return startCluster('consul', options, async (reservations, network) => {
    const forwarding = await forwardLoopback(network, reservations)
    const gossip = reservations.map(({ ports }, index) => `${loopbackHost(index).advertised}:${ports[2]}`)
    const { bootstrapToken, token = bootstrapToken } = options
    const headers: Record<string, string> = token === undefined ? {} : { 'X-Consul-Token': token }
    const ask = (index: number, path: string, timeoutMs: number, method = 'GET') => {
      const url = `http://127.0.0.1:${reservations[index]?.ports[0]}/v1/${path}`
      return fetch(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) })
    }
    return {
      recipes: reservations.map((_, index) => {
        const { own, advertised } = loopbackHost(index)
        const config = {
          bootstrap_expect: reservations.length,
          bind_addr: own,
          advertise_addr: advertised,
          retry_join: gossip,
          retry_interval: '200ms',
          ports: { serf_wan: -1 },
          // A dead server still counts for the majority, as in the other registries.
          autopilot: { cleanup_dead_servers: false },
        }
        return consulRecipe(options, { name: `member-${index + 1}`, config })
      }),
      leads: async index => {
        const leader = await (await ask(index, 'status/leader', 400)).text()
        return leader === `"${loopbackHost(index).advertised}:${reservations[index]?.ports[1]}"`
      },
      // Consul tells a server only a few times that others consider it dead, and then only at the next full exchange in 30 s.
      healed: async () => {
        const pairs = reservations.flatMap((_, index) =>
          gossip.slice(index + 1).map(address => [index, address] as const),
        )
        const joins = pairs.map(([index, address]) => ask(index, `agent/join/${address}`, 2_000, 'PUT'))
        // Requests to members that do not run fail.
        await Promise.allSettled(joins)
      },
      [Symbol.asyncDispose]: () => forwarding[Symbol.asyncDispose](),
    }
  })
}
