import type { Clock } from '@rpcx/core'
import type { Bundle } from './bundle.ts'
import { toPackets } from './bundle.ts'
import type { MulticastLink } from './multicast-link.ts'
import type { Packet, Resource } from './packet.ts'
import { isSameData } from './packet.ts'

interface Said {
  readonly record: Resource
  readonly at: number
}

/** The records that were multicast on each link, and when. No record is repeated within a second (RFC 6762 §6). */
export class History {
  readonly #clock: Clock
  readonly #said = new Map<MulticastLink, Map<string, Said>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns how long ago a record was multicast, in milliseconds. A record with other data counts as another record. */
  ageMs(link: MulticastLink, record: Resource): number {
    const said = this.#said.get(link)?.get(keyOf(record))
    return said !== undefined && isSameData(said.record, record)
      ? this.#clock.now() - said.at
      : Number.POSITIVE_INFINITY
  }

  /** Multicasts the bundles. @throws Error of the system */
  async say(link: MulticastLink, bundles: readonly Bundle[]): Promise<void> {
    for (const packet of toPackets(bundles)) {
      this.#add(link, packet)
      await link.multicast(packet)
    }
  }

  /** Allows a record to be repeated at once. */
  excuse(link: MulticastLink, record: Resource): void {
    this.#said.get(link)?.delete(keyOf(record))
  }

  /** Forgets a link that is gone. */
  forget(link: MulticastLink): void {
    this.#said.delete(link)
  }

  #add(link: MulticastLink, packet: Packet): void {
    const said = this.#said.get(link) ?? new Map<string, Said>()
    this.#said.set(link, said)
    for (const record of [...packet.answers, ...packet.additionals]) {
      said.set(keyOf(record), { record, at: this.#clock.now() })
    }
  }
}

function keyOf({ type, name, data, isUnique }: Resource): string {
  return isUnique ? `${type} ${name}` : `${type} ${name} ${data}`
}
