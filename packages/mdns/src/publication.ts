import type { Entry } from '@rpcx/core'
import type { MulticastLink } from './multicast-link.ts'
import { ALL_TYPES, GO_TYPE, hostOf, instanceLabel, portOf, subtype, TOOL_TYPE } from './names.ts'
import type { NetworkInterface } from './network-interface.ts'
import type { RecordType, Resource } from './packet.ts'
import { rdata } from './packet.ts'
import { toStrings } from './text.ts'

/** The purpose of a record. Each role has its own name to ask for; `Responder` adds the roles that belong with it. */
export type Role =
  | 'goPtr'
  | 'goSrv'
  | 'goTxt'
  | 'toolPtr'
  | 'toolSub'
  | 'toolSrv'
  | 'toolTxt'
  | 'host'
  | 'type'
  | 'goNone'
  | 'toolNone'
  | 'hostNone'

export type Records = Readonly<Record<Role, readonly Resource[]>>

/** The session that publishes, and its host. */
export interface Publisher {
  /** The owner id, which is unique for each session. */
  readonly owner: string
  /** The first label of this machine's host name. */
  readonly host: string
}

/** An entry of this session, with its records for each interface. */
export class Publication {
  readonly service: string
  readonly address: string
  /** The links on which this session owns the name. */
  readonly established: Set<MulticastLink> = new Set()
  #metadata: string
  #version: bigint
  /** The records by interface. */
  readonly #records = new Map<string, Records>()
  readonly #publisher: Publisher
  /** The number of the current name, from 1; it grows when another host has the name. */
  #attempt = 1
  #goName = ''
  #toolName = ''

  constructor({ service, address, metadata }: Entry, version: bigint, publisher: Publisher) {
    this.service = service
    this.address = address
    this.#metadata = metadata
    this.#version = version
    this.#publisher = publisher
    this.#takeName()
  }

  get metadata(): string {
    return this.#metadata
  }

  get version(): bigint {
    return this.#version
  }

  /** The number of the current name, from 1. */
  get attempt(): number {
    return this.#attempt
  }

  /** The instance name for Go clients. */
  get goName(): string {
    return this.#goName
  }

  get toolName(): string {
    return this.#toolName
  }

  update(metadata: string, version: bigint): void {
    this.#metadata = metadata
    this.#version = version
    this.#records.clear()
  }

  /** Switches to the next name. */
  rename(): void {
    this.#attempt++
    this.#takeName()
    this.#records.clear()
    this.established.clear()
  }

  /** Returns the address to announce on an interface; `undefined` when no host there could use it. */
  addressOn(on: NetworkInterface): string | undefined {
    const host = hostOf(this.address)
    if (UNSPECIFIED.has(host)) {
      const { reachable } = on
      if (reachable === undefined) return undefined
      const bare = reachable.includes(':') ? `[${reachable}]` : reachable
      return `${this.address.split('@')[0]}@${bare}:${portOf(this.address)}`
    }
    return this.address
  }

  /** Returns the records for an interface; `undefined` when the entry is not announced there. */
  records(on: NetworkInterface): Records | undefined {
    const key = `${on.name} ${on.signature}`
    let records = this.#records.get(key)
    if (records === undefined) {
      records = this.#write(on)
      if (records !== undefined) this.#records.set(key, records)
    }
    return records
  }

  #write(on: NetworkInterface): Records | undefined {
    const ttlSeconds = TTL_SECONDS
    const address = this.addressOn(on)
    if (address === undefined) return undefined
    const { service, metadata, version, goName, toolName } = this
    const { owner, host } = this.#publisher
    const port = portOf(address)
    const target = `${host}-${owner}.local`
    const shared = (name: string, data: string): Resource => ({
      type: 'PTR',
      name,
      data,
      ttlSeconds,
      isUnique: false,
    })
    const srv = (name: string): Resource => ({
      type: 'SRV',
      name,
      data: { port, target },
      ttlSeconds,
      isUnique: true,
    })
    const txt = (name: string, data: readonly Buffer[]): Resource => ({
      type: 'TXT',
      name,
      data,
      ttlSeconds,
      isUnique: true,
    })
    const at = (type: 'A' | 'AAAA', data: string | undefined): readonly Resource[] =>
      data === undefined ? [] : [{ type, name: target, data, ttlSeconds, isUnique: true }]
    // NSEC records tell askers that a name of ours has no other types, so they need not wait for a timeout.
    const none = (name: string, ...data: readonly RecordType[]): Resource => ({
      type: 'NSEC',
      name,
      data,
      ttlSeconds,
      isUnique: true,
    })
    const addresses = [...at('A', on.ipv4), ...at('AAAA', on.ipv6)]
    return {
      goPtr: [shared(GO_TYPE, goName)],
      goSrv: [srv(goName)],
      goTxt: [txt(goName, toStrings({ service, address, metadata, owner, version }))],
      toolPtr: [shared(TOOL_TYPE, toolName)],
      toolSub: [shared(subtype(service), toolName)],
      toolSrv: [srv(toolName)],
      toolTxt: [txt(toolName, forTools(service, address, metadata))],
      host: addresses,
      type: [shared(ALL_TYPES, TOOL_TYPE), shared(ALL_TYPES, GO_TYPE)],
      goNone: [none(goName, 'TXT', 'SRV')],
      toolNone: [none(toolName, 'TXT', 'SRV')],
      hostNone: [none(target, ...addresses.map(({ type }) => type))],
    }
  }

  #takeName(): void {
    const { host, owner } = this.#publisher
    // When one name collides, similar ones do too, so the second name contains the unique owner id.
    const suffix = [owner.slice(0, 4), this.#attempt].slice(0, this.#attempt - 1)
    const label = instanceLabel(host, this, suffix.map(part => `-${part}`).join(''))
    this.#goName = `${label}.${GO_TYPE}`
    this.#toolName = `${label}.${TOOL_TYPE}`
  }
}

/** The TTL of our records, and so how long a crashed server stays listed. */
export const TTL_SECONDS = 120

const UNSPECIFIED = new Set(['', '0.0.0.0', '::'])

/** Returns the strings of a TXT record in the form of RFC 6763 §6, readable for people: `service=Arith`, `weight=10`. */
function forTools(service: string, address: string, metadata: string): readonly Buffer[] {
  return ['txtvers=1', `service=${service}`, `address=${address}`, ...metadata.split('&')]
    .map(text => Buffer.from(text))
    .filter(text => text.length > 0 && text.length < 256)
}

/** Decides which of two hosts that probe for the same name gives way: the one with the lesser data (RFC 6762 §8.2). */
export function comparePlans(ours: readonly Resource[], theirs: readonly Resource[]): number {
  const inOrder = (plan: readonly Resource[]): Buffer =>
    Buffer.concat(
      plan
        .map(record => Buffer.concat([Buffer.of(record.type === 'TXT' ? 16 : 33), rdata(record)]))
        .toSorted(Buffer.compare),
    )
  return Buffer.compare(inOrder(ours), inOrder(theirs))
}
