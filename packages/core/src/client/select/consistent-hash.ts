import { wrongResult } from '../../callbacks.ts'
import { DoubleJump } from './double-jump.ts'
import { fnv1a } from './fnv.ts'
import { printed } from './hash-key.ts'
import type { Candidate, Chooser, Selector } from './selector.ts'
import type { Uint64 } from './uint64.ts'
import { increment, multiply } from './uint64.ts'

/**
 * Chooses the same server for the same key, until that server is ejected or leaves the list. When one of n servers goes, 1/n of the keys
 * move. The hash depends on the order in which servers appeared, and on the address order of servers that appeared together. Clients
 * that have seen the same lists therefore agree, Go's clients included.
 * @param keyOf returns the key of a call. By default the key is the method and the arguments, as Go prints them
 */
export function consistentHash(service: string, keyOf: ((call: Chooser) => string) | undefined): Selector {
  const hash = new DoubleJump<Candidate>()
  let all: ReadonlySet<Candidate> = new Set()
  let known: readonly Candidate[] = []
  let inService: ReadonlySet<Candidate> = new Set()
  return {
    update(servers) {
      const now = new Set(servers)
      for (const server of all) if (!now.has(server)) hash.remove(server)
      for (const server of servers) if (!all.has(server)) hash.add(server)
      all = now
    },
    pick(candidates, call) {
      if (candidates !== known) {
        known = candidates
        inService = new Set(candidates)
      }
      let key = fnv1a(keyOf === undefined ? keyInGo(service, call) : checkKey(keyOf(call)))
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const server = hash.get(key)
        if (server !== undefined && inService.has(server)) return server
        // Only the keys of an ejected server move, and each key moves by its own sequence of hashes.
        key = increment(multiply(key, STEP))
      }
      return candidates[key.high % candidates.length]
    },
  }
}

/** Returns the key that Go's clients use for a call (client/hash_utils.go). */
function keyInGo(service: string, { method, args }: Chooser): string {
  return `/${service}/${method}/${printed(args)}`
}

const MOST_TRIES = 16
const STEP: Uint64 = { high: 0x5851f42d, low: 0x4c957f2d }

function checkKey(key: unknown): string {
  if (typeof key === 'string') return key
  throw wrongResult('hashKey', key, 'a string')
}
