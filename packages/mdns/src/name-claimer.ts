import type { Clock, Entry } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import type { Cache } from './cache.ts'
import type { MulticastLink } from './multicast-link.ts'
import { hostOf } from './names.ts'
import type { Network } from './network.ts'
import type { Packet } from './packet.ts'
import { isSameName } from './packet.ts'
import { Prober } from './prober.ts'
import type { Publication, Publisher } from './publication.ts'
import type { RecordAnnouncer } from './record-announcer.ts'

/** The part of a session that finds a free name for each entry. */
export class NameClaimer {
  readonly #network: Network
  readonly #cache: Cache
  readonly #publisher: Publisher
  readonly #announcer: RecordAnnouncer
  readonly #prober: Prober

  constructor(
    clock: Clock,
    network: Network,
    cache: Cache,
    publisher: Publisher,
    announcer: RecordAnnouncer,
  ) {
    this.#prober = new Prober(clock)
    this.#network = network
    this.#cache = cache
    this.#publisher = publisher
    this.#announcer = announcer
  }

  /** Returns the links on which to announce an entry. A loopback address is announced on the loopback interface only, if that is a link. */
  linksFor(publication: Publication): readonly MulticastLink[] {
    const links = this.#network.links.filter(link => publication.addressOn(link.interface) !== undefined)
    const loopback = links.filter(link => link.interface.isLoopback)
    const isLocal = /^(127\.|::1$|localhost$)/.test(hostOf(publication.address))
    return isLocal && loopback.length > 0 ? loopback : links
  }

  /** Finds a name for the entry that is free on these links. Resolves to `false` when another session holds the same entry. */
  async register(
    publication: Publication,
    links: readonly MulticastLink[],
    signal: AbortSignal,
  ): Promise<boolean> {
    let wanted = links
    for (;;) {
      const verdict = await this.#prober.probe(publication, wanted)
      signal.throwIfAborted()
      if (verdict === 'free') {
        for (const link of wanted) if (this.#network.links.includes(link)) publication.established.add(link)
        return true
      }
      if (this.#isHeldByOther(publication)) return false
      if (publication.attempt < MAX_ATTEMPTS) {
        // Withdraw the records under the old name.
        if (publication.established.size > 0) await this.#announcer.goodbye(publication)
        publication.rename()
        wanted = this.linksFor(publication)
      } else {
        throw new RpcxError(
          'ERR_RPCX_CONFLICT',
          `mdns: ${MAX_ATTEMPTS} names up to ${publication.goName} are other servers'`,
        )
      }
    }
  }

  /** Claims a name on this link for an entry that we hold. If another session holds the entry too, the higher version wins. */
  async stand(publication: Publication, link: MulticastLink): Promise<void> {
    const isFree = await this.register(publication, [link], NEVER).catch(() => true)
    if (!isFree && this.#network.links.includes(link)) publication.established.add(link)
  }

  /** Chooses a name that no other known entry has. */
  take(publication: Publication): void {
    const isOthers = ({ name, said }: { name: string; said: readonly Entry[] }): boolean =>
      isSameName(name, publication.goName) && !said.some(one => isSameEntry(one, publication))
    while ([...this.#cache.instances].some(isOthers) && publication.attempt < MAX_ATTEMPTS)
      publication.rename()
  }

  heard(packet: Packet, link: MulticastLink): void {
    this.#prober.heard(packet, link)
  }

  down(link: MulticastLink): void {
    this.#prober.down(link)
  }

  close(): void {
    this.#prober.close()
  }

  #isHeldByOther({ service, address }: Publication): boolean {
    return this.#cache
      .said(service)
      .some(said => said.address === address && said.owner !== this.#publisher.owner)
  }
}

const MAX_ATTEMPTS = 15
const NEVER = new AbortController().signal

export function isSameEntry(
  a: Pick<Entry, 'service' | 'address'>,
  b: Pick<Entry, 'service' | 'address'>,
): boolean {
  return a.service === b.service && a.address === b.address
}
