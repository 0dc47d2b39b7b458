import type { Clock, Entry } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import type { Cache } from './cache.ts'
import { History } from './history.ts'
import type { MulticastLink, Source } from './multicast-link.ts'
import { isSameEntry, NameClaimer } from './name-claimer.ts'
import type { Network } from './network.ts'
import type { Packet, Resource } from './packet.ts'
import { isSameName, isSameRecord } from './packet.ts'
import type { Publisher } from './publication.ts'
import { Publication } from './publication.ts'
import { RecordAnnouncer } from './record-announcer.ts'
import { Responder } from './responder.ts'
import { fromStrings } from './text.ts'

/** The entries that one session holds, and stands by on every link. */
export class Publications {
  readonly #clock: Clock
  readonly #network: Network
  readonly #publisher: Publisher
  readonly #all = new Map<string, Publication>()
  readonly #history: History
  readonly #responder: Responder
  readonly #herald: RecordAnnouncer
  readonly #registrar: NameClaimer
  /** Those whose name somebody else has too, until that is settled. */
  readonly #contested = new Set<Publication>()

  constructor(clock: Clock, network: Network, cache: Cache, publisher: Publisher) {
    this.#clock = clock
    this.#network = network
    this.#publisher = publisher
    this.#history = new History(clock)
    this.#responder = new Responder(clock, this.#history)
    this.#herald = new RecordAnnouncer(clock, this.#history)
    this.#registrar = new NameClaimer(clock, network, cache, publisher, this.#herald)
  }

  get all(): readonly Publication[] {
    return [...this.#all.values()]
  }

  get(service: string, address: string): Publication | undefined {
    return this.#all.get(keyOf(service, address))
  }

  /**
   * Publishes an entry that this session does not hold. With `isTaken` in place of another's, who gives way to the higher
   * version. Resolves to whether it did; another holds the entry otherwise.
   * @throws `ERR_RPCX_CONFLICT` when no name is free
   */
  async add(entry: Entry, version: bigint, isTaken: boolean, signal: AbortSignal): Promise<boolean> {
    const publication = new Publication(entry, version, this.#publisher)
    const links = this.#registrar.linksFor(publication)
    if (links.length === 0) {
      const names = this.#network.links.map(link => link.interface.name).join(', ')
      throw new RpcxError(
        'ERR_RPCX_REGISTRY',
        `mdns: nobody could reach ${entry.address} over ${names}, which has no address that can be announced`,
      )
    }
    if (isTaken) {
      this.#registrar.take(publication)
      for (const link of links) publication.established.add(link)
    } else if (!(await this.#registrar.register(publication, links, signal))) {
      return false
    }
    this.#all.set(keyOf(entry.service, entry.address), publication)
    this.#responder.add(publication)
    await this.#herald.announce(publication)
    // Who held it has heard of it by then, and is silent.
    if (isTaken) await new Promise<void>(resolve => this.#clock.setTimeout(resolve, GIVE_WAY_MS))
    return true
  }

  async update(
    publication: Publication,
    metadata: string,
    version: bigint,
    audience: 'all' | 'metrics',
  ): Promise<void> {
    publication.update(metadata, version)
    // Figures are told to those who ask anyway.
    if (audience === 'all') await this.#herald.announce(publication)
  }

  /** Takes it out, and says so. */
  async remove(publication: Publication): Promise<void> {
    const said = this.#herald.goodbye(publication)
    this.drop(publication)
    await said
  }

  /** Falls silent: another has it. */
  drop(publication: Publication): void {
    this.#all.delete(keyOf(publication.service, publication.address))
    this.#responder.delete(publication)
    this.#herald.forget(publication)
    publication.established.clear()
  }

  heard(packet: Packet, source: Source, link: MulticastLink): void {
    this.#registrar.heard(packet, link)
    if (packet.kind === 'query') {
      this.#responder.asked(packet, source, link)
      return
    }
    for (const publication of this.#named(packet)) {
      if (publication.established.has(link)) this.#compare(publication, packet, link)
    }
  }

  async up(link: MulticastLink): Promise<void> {
    const concerned = this.all.filter(publication => this.#registrar.linksFor(publication).includes(link))
    await Promise.all(concerned.map(publication => this.#registrar.stand(publication, link)))
    const held = concerned.filter(publication => this.#isHeld(publication))
    await this.#herald.announceOn(link, held).catch(ignore)
  }

  /** The interface has other addresses, of a family that this link does not speak. */
  changed(link: MulticastLink): Promise<void> {
    const concerned = this.all.filter(({ established }) => established.has(link))
    return this.#herald.announceOn(link, concerned).catch(ignore)
  }

  down(link: MulticastLink): void {
    this.#registrar.down(link)
    this.#responder.down(link)
    this.#history.forget(link)
  }

  async close(): Promise<void> {
    this.#registrar.close()
    await Promise.all(this.all.map(publication => this.remove(publication)))
    this.#herald.close()
    this.#responder.close()
  }

  /** It may have been taken out while its name was asked for. */
  #isHeld(publication: Publication): boolean {
    return this.get(publication.service, publication.address) === publication
  }

  /** Those that a packet says something of. */
  #named({ answers, additionals }: Packet): readonly Publication[] {
    const names = new Set<string>()
    for (const record of [...answers, ...additionals]) {
      names.add((record.type === 'PTR' ? record.data : record.name).toLowerCase())
    }
    return this.all.filter(({ goName }) => names.has(goName.toLowerCase()))
  }

  /** Looks whether a packet says something else of our names than we do. */
  #compare(publication: Publication, packet: Packet, link: MulticastLink): void {
    const records = publication.records(link.interface)
    if (records === undefined) return
    const ours = [...records.goPtr, ...records.goSrv, ...records.goTxt]
    for (const record of [...packet.answers, ...packet.additionals]) {
      const same = ours.find(one => isSameRecord(one, record))
      // Others are about to forget what we still say (RFC 6762 §6.6).
      if (same !== undefined && packet.answers.includes(record) && record.ttlSeconds === 0) {
        this.#herald.announce(publication).catch(ignore)
        return
      }
      if (same === undefined && record.type === 'TXT' && isSameName(record.name, publication.goName)) {
        this.#differ(publication, record, link)
      }
    }
  }

  #differ(
    publication: Publication,
    { data, ttlSeconds }: Resource & { type: 'TXT' },
    link: MulticastLink,
  ): void {
    const [said] = fromStrings(data)
    if (ttlSeconds === 0 || said?.owner === this.#publisher.owner) return
    if (said !== undefined && isSameEntry(said, publication)) {
      // The higher version has it; ours is dropped by the session when it hears of that.
      if (said.version < publication.version) this.#herald.announce(publication).catch(ignore)
    } else if (!this.#contested.has(publication)) {
      this.#contested.add(publication)
      void this.#contest(publication, link).finally(() => this.#contested.delete(publication))
    }
  }

  /** Another entry has our name: both ask for it again, and one of them gets another (RFC 6762 §9). */
  async #contest(publication: Publication, link: MulticastLink): Promise<void> {
    publication.established.delete(link)
    await this.#registrar.stand(publication, link)
    if (this.#isHeld(publication)) await this.#herald.announce(publication).catch(ignore)
  }
}

const GIVE_WAY_MS = 100

function keyOf(service: string, address: string): string {
  return `${service} ${address}`
}

// A link that fails is told of to the network.
function ignore(): void {}
