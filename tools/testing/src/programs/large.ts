import type { Discovery } from '@rpcx/core'
import { XClient } from '@rpcx/core'
import { median } from '../at-most.ts'
import { BlockedLoop } from '../blocked-loop.ts'
import { hear, say } from './say.ts'

/**
 * Follows a large list that changes, and has a client. Its first server says in its metadata when it was written, `at=…` by
 * `Date.now()`. Tells how long the event loop was blocked, and how late changes came: until the list was there, and by `measure`.
 */
export function followLarge(service: string, discovery: Discovery): void {
  const loop = new BlockedLoop()
  new XClient(service, discovery)
  const since = performance.now()
  let lists = 0
  let latestMs = 0
  let seen: string | undefined
  const seconds: number[] = []
  setInterval(() => seconds.push(loop.takeMs()), 1_000)
  void (async () => {
    for await (const endpoints of discovery.watch(service)) {
      const at = endpoints[0]?.values.get('at')?.[0]
      // Entries that are new in this list were written after those of the previous list.
      if (at !== undefined && at !== seen) latestMs = Math.max(latestMs, Date.now() - Number(seen ?? at))
      seen = at
      if (++lists > 1) continue
      const afterMs = performance.now() - since
      setTimeout(() => {
        const blocked = Math.max(loop.takeMs(), ...seconds)
        say({ event: 'listed', servers: endpoints.length, blockedMs: blocked, afterMs })
      }, 1_000)
    }
  })()
  hear(async () => {
    const list = await discovery.list(service)
    const fresh = list.filter(({ values }) => values.has('at')).length
    // Other load of this machine shows in some seconds, our own in all of them.
    const typical = median(seconds.slice(-MEASURED))
    say({ event: 'measured', servers: list.length, fresh, lists, latestMs, blockedMs: typical })
  })
}

/** The number of seconds before the measurement. */
const MEASURED = 10
