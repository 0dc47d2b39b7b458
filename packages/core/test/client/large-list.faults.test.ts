import { setTimeout as sleep } from 'node:timers/promises'
import type { XClient } from '@rpcx/core'
import { RegistryDiscovery } from '@rpcx/core'
import { expect, test } from 'vitest'
import { BlockedLoop } from '../../../../tools/testing/src/blocked-loop.ts'
import { ScriptedDriver } from '../discovery/scripted-driver.ts'
import { clientOf, closing } from '../helpers.ts'

const SERVERS = 100_000
// Three times the promised time, because test machines are busy.
const [MOST_BLOCKED_MS, MOST_LATE_MS] = process.env.RPCX_STRICT ? [50, 2_000] : [150, 6_000]

test('A list of 100 000 servers is processed in pieces of 50 ms at most, and its changes are seen within 2 s', async () => {
  const figures: Figures[] = []
  for (let i = 0; i < 4; i++) figures.push(await followed())
  // Other load of this machine shows in some of the figures, our own in all of them.
  const listing = Math.min(...figures.map(({ listingMs }) => listingMs))
  const changing = Math.min(...figures.map(({ changingMs }) => changingMs))
  console.info(
    `blocked for ${listing.toFixed(0)} ms by the list, for ${changing.toFixed(0)} ms by its changes`,
  )
  expect(Math.max(listing, changing)).toBeLessThan(MOST_BLOCKED_MS)
  expect(Math.min(...figures.map(({ lateMs }) => lateMs))).toBeLessThan(MOST_LATE_MS)
})

interface Figures {
  /** The longest blocks of the event loop by the first list and by its changes. */
  readonly listingMs: number
  readonly changingMs: number
  /** How long it took until the last change was seen. */
  readonly lateMs: number
}

async function followed(): Promise<Figures> {
  const driver = new ScriptedDriver()
  const discovery = closing(new RegistryDiscovery(driver))
  const client = clientOf<{ echo(): void }>('Arith', discovery)
  const { into } = await driver.watch(0)
  const all = Array.from({ length: SERVERS }, (_, n) => [address(n), 'weight=1&group=a'] as const)
  const loop = new BlockedLoop()
  into.replace(all)
  expect(await discovery.list('Arith')).toHaveLength(SERVERS)
  // The client takes the list over after that.
  await sleep(500)
  const listingMs = loop.takeMs()
  for (let i = 1; i <= 20; i++) {
    for (let n = 0; n < 200; n++) into.put(address((i * 200 + n) * 7), `n=${i}`)
    await sleep(100)
  }
  const since = performance.now()
  for await (const endpoints of discovery.watch('Arith')) {
    if (endpoints.some(({ metadata }) => metadata === 'n=20')) break
  }
  const lateMs = performance.now() - since
  loop.stop()
  const changingMs = Math.max(loop.takeMs(), await longestUntilChanged(client, 4_000))
  await client.close()
  await discovery.close()
  return { listingMs, changingMs, lateMs }
}

/** Waits until a client knows so many changes. Returns the longest block of the loop until then, but for those by this question. */
async function longestUntilChanged(client: XClient<{ echo(): void }>, count: number): Promise<number> {
  for (let longestMs = 0; ; ) {
    const loop = new BlockedLoop()
    await sleep(200)
    loop.stop()
    longestMs = Math.max(longestMs, loop.takeMs())
    const changed = client.snapshot().endpoints.filter(({ metadata }) => metadata.startsWith('n='))
    if (changed.length === count) return longestMs
  }
}

function address(n: number): string {
  return `tcp@10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:1`
}
