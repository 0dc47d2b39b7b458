import dns from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * Returns a DNS lookup that rotates the addresses of each name. The first address of the last lookup may accept connections but never
 * answer, so the next lookup begins with another one.
 */
export function inTurn(): LookupFunction {
  const turns = new Map<string, number>()
  return (host, options, callback) => {
    dns.lookup(host, { ...options, all: true }, (error, addresses = []) => {
      const turn = turns.get(host) ?? 0
      turns.set(host, turn + 1)
      const first = turn % (addresses.length || 1)
      const turned = [...addresses.slice(first), ...addresses.slice(0, first)]
      if (error === null && options.all !== true) callback(null, turned[0]?.address ?? '', turned[0]?.family)
      else callback(error, turned)
    })
  }
}
