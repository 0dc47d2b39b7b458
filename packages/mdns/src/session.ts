import { EventEmitter, once } from 'node:events'
import type { Clock, Entry, RegistrySession, Replica, StoredEntry } from '@rpcx/core'
import { Browser } from './browser.ts'
import { Cache } from './cache.ts'
import type { MulticastLink, Source } from './multicast-link.ts'
import type { NetworkOptions } from './network.ts'
import { Network } from './network.ts'
import type { Packet } from './packet.ts'
import type { Publisher } from './publication.ts'
import { TTL_SECONDS } from './publication.ts'
import { Publications } from './publications.ts'
import type { Said } from './text.ts'

/** A multicast DNS session: the entries that it announces, the cache of what it has heard, and its queries. */
export class MDNSSession implements RegistrySession {
  readonly ttlMs: number = TTL_SECONDS * 1_000
  /** Never resolves: this session alone keeps its entries, for as long as it lives. */
  readonly ended: Promise<Error> = new Promise(() => {})
  readonly #clock: Clock
  readonly #publisher: Publisher
  readonly #earlier: ReadonlySet<string>
  readonly #network: Network
  readonly #cache: Cache
  readonly #publications: Publications
  readonly #browser: Browser
  /** `wrote`: our entries have changed. `lost`: there is no link any more. */
  readonly #events = new EventEmitter<{ wrote: []; lost: [Error] }>().setMaxListeners(0)

  /** @param earlier the owner ids of the driver's earlier sessions */
  constructor(clock: Clock, options: NetworkOptions, publisher: Publisher, earlier: ReadonlySet<string>) {
    this.#clock = clock
    this.#publisher = publisher
    this.#earlier = earlier
    this.#cache = new Cache(clock)
    this.#network = new Network(clock, options, {
      heard: (...packet) => this.#heard(...packet),
      up: link => this.#up(link),
      down: link => this.#down(link),
      changed: link => void this.#publications.changed(link),
    })
    this.#publications = new Publications(clock, this.#network, this.#cache, publisher)
    this.#browser = new Browser(clock, this.#cache, this.#network)
    this.#cache.on('changed', services => this.#giveWay(services))
  }

  /** Opens the network. @throws `ERR_RPCX_REGISTRY` when there is no multicast */
  open(): Promise<void> {
    return this.#network.open()
  }

  async watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    await this.#settled()
    if (signal.aborted) return
    this.#browser.browse()
    let told = this.#list(service)
    into.replace(told)
    const changed = (services: ReadonlySet<string>): void => {
      if (!services.has(service)) return
      const list = this.#list(service)
      for (const address of told.keys()) if (!list.has(address)) into.remove(address)
      for (const [address, metadata] of list) {
        if (told.get(address) !== metadata) into.put(address, metadata)
      }
      told = list
    }
    this.#cache.on('changed', changed)
    await this.#untilLost(signal).finally(() => this.#cache.off('changed', changed))
  }

  async watchEntry(
    service: string,
    address: string,
    saw: (held: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#settled()
    if (signal.aborted) return
    let told = this.#held(service, address)
    saw(told)
    const look = (): void => {
      const held = this.#held(service, address)
      if (held?.version === told?.version && held?.by === told?.by) return
      told = held
      saw(held)
    }
    this.#cache.on('changed', look)
    this.#events.on('wrote', look)
    await this.#untilLost(signal).finally(() => {
      this.#cache.off('changed', look)
      this.#events.off('wrote', look)
    })
  }

  async write(
    entry: Entry,
    over: StoredEntry | undefined,
    audience: 'all' | 'metrics',
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    await this.#settled()
    const { service, address, metadata } = entry
    if (this.#held(service, address)?.version !== over?.version) return undefined
    const version = this.#nextVersion(over?.version)
    const ours = this.#publications.get(service, address)
    if (ours !== undefined) await this.#publications.update(ours, metadata, version, audience)
    else if (!(await this.#publications.add(entry, version, over !== undefined, signal))) return undefined
    this.#events.emit('wrote')
    return version
  }

  async remove(service: string, address: string): Promise<void> {
    const ours = this.#publications.get(service, address)
    if (ours !== undefined) await this.#publications.remove(ours)
    this.#events.emit('wrote')
  }

  verify(service: string, address: string): void {
    this.#browser.verify(service, address)
  }

  async close(): Promise<void> {
    this.#browser.close()
    await this.#publications.close()
    await this.#network.close()
  }

  #heard(packet: Packet, source: Source, link: MulticastLink): void {
    if (packet.kind === 'response') {
      this.#cache.take(packet, link.interface)
    } else {
      this.#cache.foretell(packet, link.interface)
      this.#browser.overheard(packet, source, link)
    }
    this.#publications.heard(packet, source, link)
  }

  #up(link: MulticastLink): void {
    this.#browser.up(link)
    void this.#publications.up(link)
  }

  #down(link: MulticastLink): void {
    this.#browser.down(link)
    this.#publications.down(link)
    if (this.#network.links.length === 0) this.#events.emit('lost', this.#network.nothing())
  }

  /** Drops our entries that another session has replaced. */
  #giveWay(services: ReadonlySet<string>): void {
    for (const publication of this.#publications.all) {
      const { service, address, version } = publication
      if (!services.has(service)) continue
      const other = this.#other(service, address)
      if (other === undefined || other.version <= version) continue
      this.#publications.drop(publication)
      this.#events.emit('wrote')
    }
  }

  /**
   * Returns a version in microseconds since the epoch, so that it grows across processes too. Random digits fill in what the clock lacks.
   */
  #nextVersion(over = 0n): bigint {
    const now = BigInt(Math.floor((this.#clock.wallTime() + this.#clock.random()) * 1_000))
    return over < now ? now : over + 1n
  }

  #list(service: string): Map<string, string> {
    const said = [...this.#cache.said(service)].sort(byRank)
    return new Map(said.map(({ address, metadata }) => [address, metadata]))
  }

  #held(service: string, address: string): StoredEntry | undefined {
    const ours = this.#publications.get(service, address)
    if (ours !== undefined) return { metadata: ours.metadata, version: ours.version, by: 'us' }
    const other = this.#other(service, address)
    if (other === undefined) return undefined
    const { metadata, version, owner } = other
    return { metadata, version, by: owner !== undefined && this.#earlier.has(owner) ? 'earlier' : 'other' }
  }

  #other(service: string, address: string): Said | undefined {
    return this.#cache
      .said(service)
      .filter(said => said.address === address && said.owner !== this.#publisher.owner)
      .toSorted(byRank)
      .at(-1)
  }

  async #settled(): Promise<void> {
    this.#needLink()
    await this.#browser.settled()
  }

  #needLink(): void {
    if (this.#network.links.length === 0) throw this.#network.nothing()
  }

  /** Resolves when `signal` aborts. Rejects when there is no link any more: the known servers stay, but no news arrives. */
  async #untilLost(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const lost = await once(this.#events, 'lost', { signal }).catch(error => {
      if (!signal.aborted) throw error
    })
    if (lost !== undefined) throw lost[0]
  }
}

/** Sorts by version, newest last. Go's entries have no version and come first. */
function byRank(a: Said, b: Said): number {
  return a.version < b.version ? -1 : a.version > b.version ? 1 : 0
}
