import dns from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * Looks up names such that each time another of a name's addresses is the first to be tried: the one before may have been
 * reached, and yet not have answered.
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
