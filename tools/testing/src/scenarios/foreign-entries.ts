import { expect } from 'vitest'
import { eventsOfDiscovery } from '../events.ts'
import type { RegistryHarness } from '../harness.ts'
import type { Entries } from '../view.ts'
import type { Registry } from './registry.ts'
import { SOMEONE } from './registry.ts'

const BINARY = 'tcp@10.0.0.2:2'

/** Services have similar names, one of them below another. Each shows its own servers. Resolves to the ignored entries. */
export async function tellsServicesApart<H extends RegistryHarness>(
  registry: Registry<H>,
  harness: H,
): Promise<readonly (readonly [service: string | undefined, address: string | undefined])[]> {
  const a = await harness.published('a', { metadata: 'is=a' })
  const a2 = await harness.published('a2', { metadata: 'is=a2' })
  await registry.put(harness, 'a/b', '', 'a/b')
  await registry.put(harness, 'a/b', SOMEONE, 'is=b')
  const discovery = harness.discovery()
  const events = eventsOfDiscovery(discovery)
  const views = [harness.view('a', discovery), harness.view('a2', discovery)] as const
  await views[0].shows({ [a.address]: 'is=a' })
  await views[1].shows({ [a2.address]: 'is=a2' })
  await registry.put(harness, 'a/b', SOMEONE, 'is=changed')
  await a.server.setMetadata('a', 'is=still-a')
  await a2.server.setMetadata('a2', 'is=still-a2')
  await views[0].shows({ [a.address]: 'is=still-a' })
  await views[1].shows({ [a2.address]: 'is=still-a2' })
  for (const view of views) expect(view.mark).toBe(2)
  const ignored = events.all.filter(({ event }) => event === 'entryIgnored')
  return ignored.map(({ service, address }) => [service, address])
}

/** Malformed entries are beside good ones, and one entry is not valid UTF-8. Each malformed entry is ignored with one warning. */
export async function ignoresTheMalformed(harness: RegistryHarness, options: Malformed): Promise<void> {
  const { malformed, put, good } = options
  for (const address of malformed) await put(address, 'n=1')
  await put(SOMEONE, 'rate=50%')
  await put(BINARY, Buffer.from([0xff, 0xfe, 0]))
  const discovery = harness.discovery()
  const events = eventsOfDiscovery(discovery)
  const view = harness.view('Arith', discovery)
  const others = { [BINARY]: '\ufffd\ufffd\0', ...good }
  await view.shows({ [SOMEONE]: 'rate=50%', ...others })
  for (const address of malformed) await put(address, 'n=2')
  await put(SOMEONE, 'rate=51%')
  await view.shows({ [SOMEONE]: 'rate=51%', ...others })
  const ignored = events.all.filter(({ event }) => event === 'entryIgnored').map(({ address }) => address)
  expect(ignored.sort()).toEqual([...malformed].sort())
}

export interface Malformed {
  readonly malformed: readonly string[]
  /** The other entries. */
  readonly good: Entries
  /** Writes an entry of `Arith`. */
  put(address: string, metadata: string | Buffer): Promise<void>
}

/** Addresses that nobody can dial, for any registry. */
export const malformed: readonly string[] = [
  '@10.0.0.1:1',
  'tcp@',
  'tcp@10.0.0.1',
  'no-port',
  'tcp@10.0.0.1:99999',
]
