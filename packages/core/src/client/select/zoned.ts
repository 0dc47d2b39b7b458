import type { Clock } from '../../clock.ts'
import type { Candidate, Selector } from './selector.ts'

/**
 * Prefers servers with this `zone=…` in their metadata. They get all calls while at least seven in ten of them are available. With fewer,
 * the other servers get the rest of the calls, in proportion to what is missing.
 * @param home chooses among the servers of the zone
 * @param away chooses among the other servers
 */
export function zoned(clock: Clock, zone: string, home: Selector, away: Selector): Selector {
  const isHome = ({ endpoint }: Candidate): boolean => endpoint.values.get('zone')?.[0] === zone
  let listed = 0
  let known: readonly Candidate[] = []
  let inside: readonly Candidate[] = []
  let outside: readonly Candidate[] = []
  let share = 0
  return {
    pings: home.pings ?? false,
    update(servers) {
      const local = servers.filter(isHome)
      listed = local.length
      home.update?.(local)
      away.update?.(servers.filter(server => !isHome(server)))
    },
    pick(candidates, call) {
      if (candidates !== known) {
        known = candidates
        inside = candidates.filter(isHome)
        outside = candidates.filter(server => !isHome(server))
        share = outside.length === 0 ? 1 : Math.min(1, inside.length / (listed * ENOUGH))
      }
      const staysHome = inside.length > 0 && (share === 1 || clock.random() < share)
      return staysHome ? home.pick(inside, call) : away.pick(outside, call)
    },
  }
}

const ENOUGH = 0.7
