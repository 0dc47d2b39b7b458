import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { activated, edit } from './faults.ts'
import type { Settlement } from './history.ts'
import { GONE_MS, TTL_MS } from './registries.ts'
import type { World } from './world.ts'

type Entries = Readonly<Record<string, string>>

/**
 * Waits until the registry and every client show exactly the live servers, and keep showing them for one TTL. Within that time,
 * leftovers of dead servers would have changed the lists.
 */
export async function settle(world: World): Promise<readonly Settlement[]> {
  const { registry, operator, clients, servers } = world
  const { kind } = registry
  // The list within 5 s; what a killed rival took over expires, and is restored 2 s after.
  const promisedMs = Math.max(5_000, GONE_MS[kind] + 2_000) * (process.env.RPCX_STRICT ? 1 : 3)
  const alive = servers.map(({ address }) => address).sort()
  const views = ['registry', ...clients.map(({ name }) => name)].map(who => new SettlingView(who))
  const began = performance.now()
  for (;;) {
    const entries = withoutFigures(await operator.entries().catch(() => ({})))
    for (const [address, metadata] of Object.entries(entries)) {
      // An operator restores every server that was set inactive, even one that restarted too late for the first attempt.
      if (metadata !== activated(metadata)) await edit(world, address, activated)
    }
    const isRight =
      isDeepStrictEqual(Object.keys(entries).sort(), alive) &&
      Object.values(entries).every(metadata => metadata === activated(metadata))
    for (const [i, view] of views.entries()) {
      const shown =
        i === 0 ? entries : withoutFigures((clients[i - 1]?.last('list')?.entries ?? {}) as Entries)
      view.see(shown, isRight && isDeepStrictEqual(shown, entries))
    }
    const now = performance.now()
    const isSettled = views.every(
      ({ rightSince }) => rightSince !== undefined && now - rightSince > holdMs(kind),
    )
    if (isSettled || now - began > promisedMs + holdMs(kind)) {
      const wanted = isRight ? JSON.stringify(entries) : alive.join(', ')
      return views.map(({ who, rightSince, shown }) => {
        const tookMs = rightSince === undefined ? undefined : rightSince - began
        return { who, tookMs, promisedMs, shown: JSON.stringify(shown), wanted }
      })
    }
    await sleep(100)
  }
}

function holdMs(kind: World['registry']['kind']): number {
  return TTL_MS[kind] + 1_000
}

/** A registry or a client that shows a list, and since when the list is right. */
class SettlingView {
  readonly who: string
  rightSince: number | undefined
  shown: Entries = {}

  constructor(who: string) {
    this.who = who
  }

  see(shown: Entries, isRight: boolean): void {
    this.shown = shown
    if (!isRight) this.rightSince = undefined
    else this.rightSince ??= performance.now()
  }
}

/** Metrics change each second, so two reads may differ. */
function withoutFigures(entries: Entries): Entries {
  return Object.fromEntries(
    Object.entries(entries).map(([address, metadata]) => [
      address,
      metadata
        .split('&')
        .filter(pair => !/^(calls|connections)=/.test(pair))
        .sort()
        .join('&'),
    ]),
  )
}
