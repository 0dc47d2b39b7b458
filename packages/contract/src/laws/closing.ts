import assert from 'node:assert/strict'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import { answers } from '../reach.ts'
import type { Trial } from '../trial.ts'

export const closing: Readonly<Record<string, Law>> = {
  'no server is listed while it refuses connections': law(
    '`write()` and `remove()` of driver.ts: they must resolve only after the registry has done it',
    async trial => {
      const service = trial.service()
      const view = trial.view(service)
      for (const _round of [1, 2, 3]) {
        const member = trial.member().offer(service)
        const starting = member.start()
        const [endpoint] = await view.until('a server', entries => Object.keys(entries).length > 0)
        const address = endpoint?.address as string
        assert.ok(await answers(address, service), 'it was listed before it could be called')
        await starting
        const closing = member.server.close()
        // In memory an answer takes no time, but the timers of the server need some.
        while (await answers(address, service)) await trial.pass(1)
        assert.deepEqual(await trial.listed(service), {}, 'it was still listed when it could not be called')
        await closing
        await view.shows({})
      }
    },
  ),

  '200 clients and servers that open and close leave nothing behind': law(
    '`close()` of the session in driver.ts: timers, sockets, watches and leases that outlive it',
    async trial => {
      await openAndClose(trial)
      const before = resources()
      for (let round = 0; round < 20; round++) {
        await Promise.all(Array.from({ length: 10 }, () => openAndClose(trial)))
      }
      await trial.settled(async () => {
        const more = [...resources()].filter(([type, count]) => count > (before.get(type) ?? 0))
        if (more.length > 0) return `left in this process: ${more.map(entry => entry.join(' × ')).join(', ')}`
        const left = (await trial.bench.leftovers?.()) ?? []
        return left.length > 0 ? `left in the registry: ${left.slice(0, 10).join(', ')}` : undefined
      })
    },
    120_000,
  ),
}

async function openAndClose(trial: Trial): Promise<void> {
  const service = trial.service()
  const member = trial.member().offer(service)
  const [listening, looking] = [trial.discovery(), trial.discovery()]
  await member.start()
  // Where servers answer for themselves, the first list may come before the answer.
  for await (const endpoints of listening.watch(service, { signal: trial.signal })) {
    if (endpoints.length === 1) break
  }
  // `looking` closes while its first list is still on the way.
  looking.list(service).catch(() => {})
  await Promise.all([looking.close(), listening.close(), member.server.close()])
}

/** Counts what keeps this process alive, by type. */
function resources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}
