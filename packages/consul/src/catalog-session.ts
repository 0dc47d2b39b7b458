import type { Clock, RegistrySession, Replica, Timer } from '@rpcx/core'
import { followNothing } from '@rpcx/core'
import type { Answer } from './agent.ts'
import { CatalogEntry } from './catalog-entry.ts'
import { ConsulConnection } from './connection.ts'
import { isNoPath } from './failure.ts'
import type { Instance } from './instance.ts'
import { addressOf, metadataOf, objection, zoneOf } from './instance.ts'
import { inOrder, instances } from './instances.ts'
import { PollInterval } from './poll-interval.ts'
import type { CatalogSettings } from './settings.ts'
import { isStorable } from './storable.ts'
import { watchAnswers } from './watch.ts'
import { WatchIndex } from './watch-index.ts'

/** The servers of one datacenter, or the error that Consul has no path to it. */
type Found = ReadonlyMap<string, string> | Error

/** A registry session in Consul's catalogue. It never ends by itself, because each registration depends on its own check. */
export class CatalogSession implements RegistrySession {
  readonly ttlMs: number
  readonly ended: Promise<Error> = new Promise(() => {})
  readonly #clock: Clock
  readonly #settings: CatalogSettings
  readonly #connection: ConsulConnection
  readonly #progress = new WatchIndex()
  readonly #entries = new Map<string, CatalogEntry>()
  readonly #renewing: Timer

  constructor(clock: Clock, settings: CatalogSettings) {
    this.#clock = clock
    this.ttlMs = settings.ttlMs
    this.#settings = settings
    this.#connection = new ConsulConnection(clock, settings)
    this.#renewing = clock
      .setInterval(() => {
        // While the connection is down, the watches already try to restore it.
        if (this.#connection.isUp) for (const entry of this.#entries.values()) void entry.renew()
      }, this.ttlMs / 3)
      .unref()
  }

  /** Watches all datacenters at the same time, so that another one takes over at once. */
  async watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    if (!isStorable(service)) return followNothing(into, signal)
    const { datacenters } = this.#settings
    const found: (Found | undefined)[] = datacenters.map(() => undefined)
    const failing = new AbortController()
    const over = AbortSignal.any([signal, failing.signal])
    const follows = datacenters.map((dc, i) => {
      const saw = (list: Found): void => {
        found[i] = list
        if (list instanceof Error && found.every(other => other instanceof Error)) throw list
        const first = firstOf(found)
        if (first !== undefined) into.replace(first)
      }
      return this.#followDatacenter(service, dc, saw, into, over)
    })
    try {
      await Promise.all(follows)
    } finally {
      failing.abort()
    }
  }

  readonly watchEntry: RegistrySession['watchEntry'] = (service, address, saw, signal) =>
    this.#entry(service, address).watch(saw, signal)

  readonly write: RegistrySession['write'] = ({ service, address, metadata }, over, _audience, signal) =>
    this.#entry(service, address).write(metadata, over, signal)

  readonly remove: RegistrySession['remove'] = (service, address, signal) =>
    this.#entry(service, address).remove(signal)

  async close(signal: AbortSignal): Promise<void> {
    this.#clock.clear(this.#renewing)
    await Promise.allSettled([...this.#entries.values()].map(entry => entry.remove(signal)))
    this.#connection.close()
  }

  async #followDatacenter(
    service: string,
    dc: string | undefined,
    saw: (found: Found) => void,
    into: Replica,
    signal: AbortSignal,
  ): Promise<void> {
    const reading = { ...this.#settings.reading, dc }
    const certain = instances(service, { ...reading, consistent: true })
    const tell = async (answer: Answer<Instance>): Promise<void> => {
      const again = () => this.#connection.read(certain, signal)
      const items = await this.#progress.of(`${dc} ${service}`, answer, again)
      saw(this.#serving(inOrder(service, items), into))
    }
    const pace = new PollInterval(this.#clock, INTERVAL_MS)
    while (!signal.aborted) {
      try {
        return await watchAnswers(this.#connection, instances(service, reading), tell, signal)
      } catch (error) {
        // With several datacenters, an unreachable one is not a failure but a result.
        if (this.#settings.datacenters.length < 2 || !isNoPath(error as Error)) throw error
        saw(error as Error)
        await pace.wait(signal)
      }
    }
  }

  /** Returns the servers by address. When several nodes have the same address, the newest registration wins. */
  #serving(found: readonly Instance[], into: Replica): ReadonlyMap<string, string> {
    const { tags, zones } = this.#settings
    const serving = new Map<string, string>()
    for (const instance of found) {
      const { Tags } = instance.Service
      if (!tags.every(tag => Tags?.includes(tag))) continue
      if (zones.length > 0 && !zones.includes(zoneOf(instance) ?? '')) continue
      const error = objection(instance)
      if (error === undefined) serving.set(addressOf(instance), metadataOf(instance))
      else into.ignore(addressOf(instance), error)
    }
    return serving
  }

  #entry(service: string, address: string): CatalogEntry {
    const name = `${service} ${address}`
    const entry =
      this.#entries.get(name) ?? new CatalogEntry(service, address, this.#connection, this.#settings)
    this.#entries.set(name, entry)
    return entry
  }
}

/** Returns the list of the first datacenter that has servers. Waits until the datacenters before it are known to have none. */
function firstOf(found: readonly (Found | undefined)[]): ReadonlyMap<string, string> | undefined {
  for (const list of found) {
    if (list === undefined) return undefined
    if (list instanceof Map && list.size > 0) return list
  }
  return found.find(list => list instanceof Map)
}

const INTERVAL_MS = 1_000
