import { wrongResult } from '../../callbacks.ts'
import { DoubleJump } from './double-jump.ts'
import { fnv1a } from './fnv.ts'
import { printed } from './hash-key.ts'
import type { Candidate, Chooser, Selector } from './selector.ts'
import type { Uint64 } from './uint64.ts'
import { increment, multiply } from './uint64.ts'

/**
 * The same server for the same key, as long as it is in service; when one of n goes, 1/n of the keys move. Servers count in the
 * order in which they came, and in address order when they came together: then clients agree, Go's where they have seen the same.
 * @param keyOf what calls are told apart by. By default the method and the arguments, as Go prints them
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
        // Only the keys of a server that is out go elsewhere, each in a way of its own.
        key = increment(multiply(key, STEP))
      }
      return candidates[key.high % candidates.length]
    },
  }
}

/** The key of a call in Go's clients (client/hash_utils.go). */
function keyInGo(service: string, { method, args }: Chooser): string {
  return `/${service}/${method}/${printed(args)}`
}

const MOST_TRIES = 16
const STEP: Uint64 = { high: 0x5851f42d, low: 0x4c957f2d }

function checkKey(key: unknown): string {
  if (typeof key === 'string') return key
  throw wrongResult('hashKey', key, 'a string')
}
