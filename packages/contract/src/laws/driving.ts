import assert from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import type { Entry, Replica } from '@rpcx/core'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import { Log } from '../log.ts'

/** What a driver must do besides reporting facts: renew, subscribe, release, and maintain directories. */
export const driving: Readonly<Record<string, Law>> = {
  'an idle server stays registered for two TTLs': law(
    'what renews the session of driver.ts, and how often: several times in `ttlMs`',
    async trial => {
      const ttlMs = await trial.ttlMs()
      if (ttlMs === 0) trial.doesNotApply('its entries do not expire')
      if (ttlMs > LONGEST_LIFE_MS) trial.doesNotApply(`nobody waits twice the ${ttlMs} ms of its life`)
      const service = trial.service()
      const member = await trial.member().offer(service, 'n=0').start()
      const { address, server } = member
      const view = trial.view(service)
      await view.shows({ [address]: 'n=0' })
      const atRest = (): void => {
        const told = member.events.all.map(({ event }) => event).filter(event => event !== 'registered')
        assert.deepEqual(told, [], `expected no event in ${2 * ttlMs} ms at rest; came ${told.join(', ')}`)
      }
      await trial.pass(2 * ttlMs)
      atRest()
      // Events and lists that were still on the way arrive before this change.
      await server.setMetadata(service, 'n=1')
      await view.shows({ [address]: 'n=1' })
      atRest()
      const lists = JSON.stringify(view.since(0))
      const expected = JSON.stringify([{ [address]: 'n=0' }, { [address]: 'n=1' }])
      assert.equal(lists, expected, `expected the lists ${expected}; came ${lists}`)
    },
    120_000,
  ),

  'the directories above an entry exist': law(
    '`watchEntry()` of driver.ts: it creates missing directories again',
    async trial => {
      const missing = trial.need('missingDirectories')
      const service = trial.service()
      await trial.member().offer(service).start()
      await trial.settled(async () => {
        const all = await missing(service)
        return all.length === 0 ? undefined : `expected every directory; missing is ${all.join(', ')}`
      })
    },
    20_000,
  ),

  'a change is reported when it happens, not at the next poll': law(
    '`watchService()` of driver.ts: it must subscribe, not only poll',
    async trial => {
      if (trial.traits.pacedMs !== undefined)
        trial.doesNotApply(`it tells a change every ${trial.traits.pacedMs} ms at most`)
      const service = trial.service()
      const { address, server } = await trial.member().offer(service, 'n=0').start()
      const view = trial.view(service)
      await view.shows({ [address]: 'n=0' })
      const took: number[] = []
      for (let n = 1; n <= 9; n++) {
        const since = performance.now()
        await Promise.all([server.setMetadata(service, `n=${n}`), view.shows({ [address]: `n=${n}` })])
        took.push(Math.round(performance.now() - since))
      }
      // The median: a busy machine delays some of them, but not most.
      const middle = [...took].sort((a, b) => a - b)[4] as number
      const limit = trial.allowed(250)
      assert.ok(middle <= limit, `expected most changes within ${limit} ms; they took ${took.join(', ')} ms`)
    },
    60_000,
  ),

  'entries that are written while a watch starts are reported': law(
    '`watchService()` of driver.ts: it must subscribe before it reads the list, or from the revision of the list',
    async trial => {
      if (trial.traits.pacedMs !== undefined)
        trial.doesNotApply(`it tells a change every ${trial.traits.pacedMs} ms at most`)
      const [writer, reader] = [await trial.party(), await trial.party()]
      const service = trial.service()
      const seen = Array.from({ length: FOLLOWS }, () => new Set<string>())
      const following = new AbortController()
      setMaxListeners(0, following.signal)
      const written: string[] = []
      let asked = 0
      for (const [i, addresses] of seen.entries()) {
        const isListed = new Log<true>(trial.signal)
        const into = setOf(addresses, () => isListed.add(true))
        reader.session.watchService(service, into, following.signal).catch(error => isListed.fail(error))
        // Writes without a pause, so that some writes fall between the list and the subscription.
        while (isListed.last === undefined) {
          const batch = Array.from({ length: 4 }, (_, n) => entryOf(service, i, asked + n))
          asked += batch.length
          const versions = await Promise.all(batch.map(entry => writer.write(entry, undefined)))
          // A registry may accept one writer at a time, and refuse the others.
          written.push(...batch.map(({ address }) => address).filter((_, n) => versions[n] !== undefined))
          if (asked > MOST_WRITTEN)
            await isListed.until(`watchService() number ${i + 1} to report its first list`, () => true)
        }
      }
      await trial.settled(async () => {
        const missing = seen.map(addresses => written.filter(address => !addresses.has(address)))
        const worst = missing.reduce((most, some) => (some.length > most.length ? some : most))
        return worst.length === 0
          ? undefined
          : `expected all ${written.length} entries that were written meanwhile; one watchService() never reported ${worst.slice(0, 5).join(', ')}`
      })
      following.abort()
    },
    60_000,
  ),

  'subscriptions are released when their signal aborts': law(
    '`watchService()` and `watchEntry()` of driver.ts: they must release their subscriptions when their signal aborts',
    async trial => {
      const leftovers = trial.bench.leftovers?.bind(trial.bench)
      if (leftovers === undefined) return trial.doesNotApply('its bench has no leftovers()')
      const { session } = await trial.party()
      const services = Array.from({ length: 10 }, () => trial.service())
      // Opens the connection that the driver keeps for its next request, which is not a subscription.
      const warming = new AbortController()
      const warm = new Log<true>(trial.signal)
      const warmed = session.watchService(
        trial.service(),
        setOf(new Set(), () => warm.add(true)),
        warming.signal,
      )
      await warm.until('watchService() to report its first list', () => true)
      warming.abort()
      await warmed
      const before = [...(await leftovers())].sort()
      const lists = new Log<string>(trial.signal)
      const subscribed = new AbortController()
      // All subscriptions share one signal, which is no leak.
      setMaxListeners(0, subscribed.signal)
      const ends = services.flatMap(service => {
        const into = setOf(new Set(), () => lists.add(service))
        const saw = (): void => lists.add(service)
        return [
          session.watchService(service, into, subscribed.signal),
          session.watchEntry(service, 'tcp@10.9.8.1:8972', saw, subscribed.signal),
        ]
      })
      await lists.until(
        'watchService() to report the lists of ten services, and watchEntry() an entry of each',
        () => true,
        2 * services.length - 1,
      )
      subscribed.abort()
      await Promise.all(ends)
      await trial.settled(async () => {
        const after = [...(await leftovers())].sort()
        return after.every(one => before.includes(one))
          ? undefined
          : `expected in the registry no more than was there before, ${show(before)}; there is ${show(after)}`
      })
    },
    20_000,
  ),

  'watchService() reports nothing once its signal has aborted': law(
    '`watchService()` of driver.ts: a response that comes after its signal aborted must not reach the replica',
    async trial => {
      const [reader, writer] = [await trial.party(), await trial.party()]
      const service = trial.service()
      const late: string[] = []
      const ends = [0, 1, 2, 5, 20].map(async ms => {
        const aborting = new AbortController()
        const tell = (what: string) => (): void => {
          if (aborting.signal.aborted)
            late.push(`${what} after an abort ${ms} ms after watchService() was called`)
        }
        const into: Replica = {
          replace: tell('replace()'),
          put: tell('put()'),
          remove: tell('remove()'),
          ignore: tell('ignore()'),
        }
        const ended = reader.session.watchService(service, into, aborting.signal)
        if (ms > 0) await trial.pass(ms)
        aborting.abort()
        await ended
      })
      await Promise.all(ends)
      // Once another watch has seen a later change, late calls would have arrived.
      const addresses = new Set<string>()
      const following = new AbortController()
      const told = new Log<string>(trial.signal)
      const into = setOf(addresses, address => told.add(address))
      const ended = reader.session
        .watchService(service, into, following.signal)
        .catch(error => told.fail(error))
      const entry = entryOf(service, 0, 0)
      await writer.write(entry, undefined)
      await trial.settled(async () =>
        addresses.has(entry.address)
          ? undefined
          : `expected ${entry.address} to be reported by watchService(); it was not`,
      )
      following.abort()
      await ended
      assert.deepEqual(late, [], `expected nothing; came ${late.join('; ')}`)
    },
    20_000,
  ),
}

/** The longest TTL for which a law waits. */
const LONGEST_LIFE_MS = 30_000
const FOLLOWS = 10
const MOST_WRITTEN = 400

function entryOf(service: string, round: number, n: number): Entry {
  return { service, address: `tcp@10.${round}.${n >> 8}.${n & 255}:8972`, metadata: '' }
}

/** Returns a replica that keeps only addresses. */
function setOf(addresses: Set<string>, told: (address: string) => void): Replica {
  return {
    replace(all) {
      addresses.clear()
      for (const [address] of all) addresses.add(address)
      told('')
    },
    put(address) {
      addresses.add(address)
      told(address)
    },
    remove: address => void addresses.delete(address),
    ignore: () => {},
  }
}

function show(all: readonly string[]): string {
  return all.length === 0 ? 'nothing' : all.slice(0, 10).join(', ')
}
