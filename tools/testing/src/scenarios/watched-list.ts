import type { Direction, Server, TcpProxy } from '@rpcx/servers'
import { expect } from 'vitest'
import { atMost } from '../at-most.ts'
import { eventsOfDiscovery } from '../events.ts'
import type { RegistryHarness } from '../harness.ts'
import type { View } from '../view.ts'
import type { Registry } from './registry.ts'
import { SOMEONE } from './registry.ts'

/**
 * While others write without a pause, many clients start to watch, each at another moment.
 * @param write writes `SOMEONE`
 */
export async function missesNoChange(
  harness: RegistryHarness,
  write: (metadata: string) => Promise<void>,
): Promise<void> {
  let last = 0
  let isDone = false
  const writing = (async () => {
    while (!isDone) await write(`n=${++last}`)
  })()
  const views: View[] = []
  for (let client = 0; client < 30; client++) {
    const view = harness.view('Arith')
    views.push(view)
    await view.until(() => true)
  }
  isDone = true
  await writing
  for (const view of views) await view.shows({ [SOMEONE]: `n=${last}` })
}

/** A watch is stalled during a change. The client notices it in time. Resolves to the reported error and its address. */
export async function noticesThatItIsStale<H extends RegistryHarness>(
  registry: Registry<H>,
  server: Server,
  options: { readonly direction: Direction; readonly promisedMs: number },
): Promise<{ readonly error: Error | undefined; readonly through: string }> {
  const { direction, promisedMs } = options
  await using harness = await registry.harness(server)
  const proxy = await harness.proxy()
  const discovery = harness.discovery(registry.at(proxy.address))
  const events = eventsOfDiscovery(discovery)
  const view = harness.view('Arith', discovery)
  await view.shows({})
  proxy.stall(direction)
  const since = performance.now()
  await registry.put(harness, 'Arith', SOMEONE, '')
  const down = await events.until(({ event }) => event === 'registryDown', 0, 3 * promisedMs)
  atMost(promisedMs, `a watch stalled ${direction} is noticed`, down.at - since)
  expect(discovery.status('Arith').state).toBe('stale')
  await proxy.heal()
  await view.shows({ [SOMEONE]: '' })
  return { error: down.what.error, through: proxy.address }
}

/** A discovery gets a response only after it was closed. */
export async function endsUnanswered<H extends RegistryHarness>(
  registry: Registry<H>,
  harness: H,
  proxy: TcpProxy,
): Promise<void> {
  proxy.stall()
  const discovery = harness.discovery(registry.at(proxy.address))
  await expect(discovery.list('Arith', { timeoutMs: 200 })).rejects.toMatchObject({
    code: 'ERR_RPCX_REGISTRY',
  })
  const since = performance.now()
  await discovery.close()
  atMost(5_000, 'close() of a discovery that waits', performance.now() - since)
  await proxy.heal()
}

/** A registry loses all data, so its counters go back. It is watched and written to again. */
export async function followsAfterAWipe(
  harness: RegistryHarness,
  server: Server,
  options: Wipe,
): Promise<{ readonly view: View; readonly address: string }> {
  const { what, writes, write } = options
  const { address, events } = await harness.published('Arith', { metadata: 'n=1' })
  const view = harness.view('Arith')
  await view.shows({ [address]: 'n=1' })
  for (let n = 0; n < writes; n++) await write(`n=${n}`)
  await view.shows({ [address]: 'n=1', [SOMEONE]: `n=${writes - 1}` })
  const since = performance.now()
  await server.restart({ wipe: true })
  const up = performance.now()
  const { at } = await view.shows({ [address]: 'n=1' })
  atMost(5_000, `${what} is followed again`, at - up)
  const back = await events.until(({ event }) => event === 'registered', 1)
  atMost(2_000, `${what} has the registration back`, back.at - up)
  expect(back.at).toBeGreaterThan(since)
  return { view, address }
}

export interface Wipe {
  /** Its name in printed figures. */
  readonly what: string
  readonly writes: number
  /** Writes `SOMEONE`. */
  write(metadata: string): Promise<void>
}
