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

/** The entries that one session holds, announces and defends on every link. */
export class Publications {
  readonly #clock: Clock
  readonly #network: Network
  readonly #publisher: Publisher
  readonly #all = new Map<string, Publication>()
  readonly #history: History
  readonly #responder: Responder
  readonly #announcer: RecordAnnouncer
  readonly #claimer: NameClaimer
  /** The publications whose name another host has too, until the conflict is resolved. */
  readonly #contested = new Set<Publication>()

  constructor(clock: Clock, network: Network, cache: Cache, publisher: Publisher) {
    this.#clock = clock
    this.#network = network
    this.#publisher = publisher
    this.#history = new History(clock)
    this.#responder = new Responder(clock, this.#history)
    this.#announcer = new RecordAnnouncer(clock, this.#history)
    this.#claimer = new NameClaimer(clock, network, cache, publisher, this.#announcer)
  }

  get all(): readonly Publication[] {
    return [...this.#all.values()]
  }

  get(service: string, address: string): Publication | undefined {
    return this.#all.get(keyOf(service, address))
  }

  /**
   * Publishes an entry that this session does not hold. With `isTaken`, replaces the entry of another session, which gives way to the
   * higher version. Resolves to `false` when another session holds the entry.
   * @throws `ERR_RPCX_CONFLICT` when no name is free
   */
  async add(entry: Entry, version: bigint, isTaken: boolean, signal: AbortSignal): Promise<boolean> {
    const publication = new Publication(entry, version, this.#publisher)
    const links = this.#claimer.linksFor(publication)
    if (links.length === 0) {
      const names = this.#network.links.map(link => link.interface.name).join(', ')
      throw new RpcxError(
        'ERR_RPCX_REGISTRY',
        `mdns: nobody could reach ${entry.address} over ${names}, which has no address that can be announced`,
      )
    }
    if (isTaken) {
      this.#claimer.take(publication)
      for (const link of links) publication.established.add(link)
    } else if (!(await this.#claimer.register(publication, links, signal))) {
      return false
    }
    this.#all.set(keyOf(entry.service, entry.address), publication)
    this.#responder.add(publication)
    await this.#announcer.announce(publication)
    // By then, the former holder has heard the announcement and stopped answering.
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
    // Metrics are not announced; hosts that ask get them.
    if (audience === 'all') await this.#announcer.announce(publication)
  }

  /** Removes the entry and sends its goodbye. */
  async remove(publication: Publication): Promise<void> {
    const said = this.#announcer.goodbye(publication)
    this.drop(publication)
    await said
  }

  /** Stops answering for the entry, because another session holds it. Sends no goodbye. */
  drop(publication: Publication): void {
    this.#all.delete(keyOf(publication.service, publication.address))
    this.#responder.delete(publication)
    this.#announcer.forget(publication)
    publication.established.clear()
  }

  heard(packet: Packet, source: Source, link: MulticastLink): void {
    this.#claimer.heard(packet, link)
    if (packet.kind === 'query') {
      this.#responder.asked(packet, source, link)
      return
    }
    for (const publication of this.#named(packet)) {
      if (publication.established.has(link)) this.#compare(publication, packet, link)
    }
  }

  async up(link: MulticastLink): Promise<void> {
    const concerned = this.all.filter(publication => this.#claimer.linksFor(publication).includes(link))
    await Promise.all(concerned.map(publication => this.#claimer.stand(publication, link)))
    const held = concerned.filter(publication => this.#isHeld(publication))
    await this.#announcer.announceOn(link, held).catch(ignore)
  }

  /** Announces again after addresses of the other family have changed. */
  changed(link: MulticastLink): Promise<void> {
    const concerned = this.all.filter(({ established }) => established.has(link))
    return this.#announcer.announceOn(link, concerned).catch(ignore)
  }

  down(link: MulticastLink): void {
    this.#claimer.down(link)
    this.#responder.down(link)
    this.#history.forget(link)
  }

  async close(): Promise<void> {
    this.#claimer.close()
    await Promise.all(this.all.map(publication => this.remove(publication)))
    this.#announcer.close()
    this.#responder.close()
  }

  /** Returns whether the entry is still held. It may have been removed during the probe. */
  #isHeld(publication: Publication): boolean {
    return this.get(publication.service, publication.address) === publication
  }

  /** Returns the publications that a packet mentions. */
  #named({ answers, additionals }: Packet): readonly Publication[] {
    const names = new Set<string>()
    for (const record of [...answers, ...additionals]) {
      names.add((record.type === 'PTR' ? record.data : record.name).toLowerCase())
    }
    return this.all.filter(({ goName }) => names.has(goName.toLowerCase()))
  }

  /** Compares a packet with our records of the same names. */
  #compare(publication: Publication, packet: Packet, link: MulticastLink): void {
    const records = publication.records(link.interface)
    if (records === undefined) return
    const ours = [...records.goPtr, ...records.goSrv, ...records.goTxt]
    for (const record of [...packet.answers, ...packet.additionals]) {
      const same = ours.find(one => isSameRecord(one, record))
      // Another host withdraws a record that we still announce, so announce it again (RFC 6762 §6.6).
      if (same !== undefined && packet.answers.includes(record) && record.ttlSeconds === 0) {
        this.#announcer.announce(publication).catch(ignore)
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
      // The higher version wins. If that is the other one, the session drops ours when the cache reports it.
      if (said.version < publication.version) this.#announcer.announce(publication).catch(ignore)
    } else if (!this.#contested.has(publication)) {
      this.#contested.add(publication)
      void this.#contest(publication, link).finally(() => this.#contested.delete(publication))
    }
  }

  /** Resolves a conflict with another entry of the same name. Both hosts probe again, and one gets a new name (RFC 6762 §9). */
  async #contest(publication: Publication, link: MulticastLink): Promise<void> {
    publication.established.delete(link)
    await this.#claimer.stand(publication, link)
    if (this.#isHeld(publication)) await this.#announcer.announce(publication).catch(ignore)
  }
}

const GIVE_WAY_MS = 100

function keyOf(service: string, address: string): string {
  return `${service} ${address}`
}

// The link reports its failure to the network.
function ignore(): void {}
