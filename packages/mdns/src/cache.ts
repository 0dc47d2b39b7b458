import { EventEmitter } from 'node:events'
import type { Clock } from '@rpcx/core'
import { GO_TYPE } from './names.ts'
import type { NetworkInterface } from './network-interface.ts'
import type { Packet, Resource } from './packet.ts'
import { isSameData, textBytes } from './packet.ts'
import type { Said } from './text.ts'
import { fromStrings } from './text.ts'

/** An instance that a host announced on one interface. */
export interface Instance {
  readonly interface: string
  /** `web1-8972-Arith._rpcxservices.local` */
  readonly name: string
  /** Its TXT record; `undefined` while only its name is known. */
  text: (Resource & { readonly type: 'TXT' }) | undefined
  said: readonly Said[]
  /** The TTL of its TXT record in milliseconds; 0 while there is none. */
  ttlMs: number
  /** When it was last heard of, by the session's clock. */
  heardAt: number
}

/** The changes of a cache: services whose servers have changed, and instances that were heard of, are expected, or were removed. */
interface CacheEvents {
  changed: [services: ReadonlySet<string>]
  heard: [instance: Instance]
  /** A host probes for this name, and has not announced anything under it yet. */
  foretold: [instance: Instance]
  removed: [instance: Instance]
}

/** All known servers, by the TXT records of their instances. The cache needs no other record types. */
export class Cache extends EventEmitter<CacheEvents> {
  readonly #clock: Clock
  readonly #instances = new Map<string, Instance>()
  readonly #byService = new Map<string, Set<Instance>>()

  constructor(clock: Clock) {
    super()
    this.#clock = clock
    this.setMaxListeners(0)
  }

  get instances(): Iterable<Instance> {
    return this.#instances.values()
  }

  get size(): number {
    return this.#instances.size
  }

  /** Returns the entries of a service. An owner's entry appears once, even when it is heard on several interfaces. */
  said(service: string): readonly Said[] {
    const byServer = new Map<string, Said>()
    for (const { said } of this.#byService.get(service) ?? []) {
      for (const one of said) {
        if (one.service !== service) continue
        const server = one.owner ?? one.address
        const before = byServer.get(server)
        if (before === undefined || one.version > before.version) byServer.set(server, one)
      }
    }
    return [...byServer.values()]
  }

  /** Returns the instances that announce this entry. */
  saying(service: string, address: string): readonly Instance[] {
    const all = [...(this.#byService.get(service) ?? [])]
    return all.filter(({ said }) => said.some(one => one.service === service && one.address === address))
  }

  /** Stores the records of a packet. */
  take(packet: Packet, on: NetworkInterface): void {
    const services = new Set<string>()
    for (const record of [...packet.answers, ...packet.additionals]) {
      if (record.type === 'PTR' && record.name.toLowerCase() === GO_TYPE) this.#takeName(record, on)
      else if (record.type === 'TXT' && isOfGoType(record.name)) this.#takeText(record, on, services)
    }
    if (services.size > 0) this.emit('changed', services)
  }

  /** Reads a probe, which shows that an announcement will follow. If that gets lost, the instance is asked for. */
  foretell({ authorities }: Packet, on: NetworkInterface): void {
    for (const { type, name } of authorities) {
      if (type !== 'TXT' || !isOfGoType(name)) continue
      const instance = this.#instances.get(keyOf(on.name, name)) ?? this.#add(name, on.name)
      if (instance !== undefined && instance.text === undefined) this.emit('foretold', instance)
    }
  }

  remove(instance: Instance): void {
    if (!this.#instances.delete(keyOf(instance.interface, instance.name))) return
    const services = new Set<string>()
    this.#say(instance, [], services)
    this.emit('removed', instance)
    if (services.size > 0) this.emit('changed', services)
  }

  #takeName(record: Resource & { readonly type: 'PTR' | 'A' | 'AAAA' }, on: NetworkInterface): void {
    if (!isOfGoType(record.data)) return
    const known = this.#instances.get(keyOf(on.name, record.data))
    // Only a TXT record counts as a goodbye, because a single host owns it; a PTR record is shared.
    if (known !== undefined || record.ttlSeconds === 0) return
    const instance = this.#add(record.data, on.name)
    if (instance !== undefined) this.emit('heard', instance)
  }

  #takeText(record: Resource & { readonly type: 'TXT' }, on: NetworkInterface, services: Set<string>): void {
    const known = this.#instances.get(keyOf(on.name, record.name))
    if (record.ttlSeconds === 0) {
      if (known !== undefined && isGoodbyeOf(known, record)) this.remove(known)
      return
    }
    if (textBytes(record.data) > MAX_TEXT_BYTES) return
    const instance = known ?? this.#add(record.name, on.name)
    if (instance === undefined) return
    const isNew = instance.text === undefined || !isSameData(instance.text, record)
    instance.text = record
    const ttlMs = Math.min(record.ttlSeconds, MAX_TTL_SECONDS) * 1_000
    // A unicast answer may have its TTL cut to 10 s (RFC 6762 §6.7). That does not shorten a TTL that was multicast before.
    instance.ttlMs = isNew ? ttlMs : Math.max(instance.ttlMs, ttlMs)
    instance.heardAt = this.#clock.now()
    if (isNew) this.#say(instance, fromStrings(record.data), services)
    this.emit('heard', instance)
  }

  #add(name: string, on: string): Instance | undefined {
    // The limit keeps a flood of packets from filling the memory.
    if (this.#instances.size >= MAX_INSTANCES) return undefined
    const heardAt = this.#clock.now()
    const instance: Instance = { interface: on, name, text: undefined, said: [], ttlMs: 0, heardAt }
    this.#instances.set(keyOf(on, name), instance)
    return instance
  }

  #say(instance: Instance, said: readonly Said[], services: Set<string>): void {
    for (const { service } of instance.said) {
      services.add(service)
      const others = this.#byService.get(service)
      others?.delete(instance)
      if (others?.size === 0) this.#byService.delete(service)
    }
    instance.said = said
    for (const { service } of said) {
      services.add(service)
      const others = this.#byService.get(service) ?? new Set()
      this.#byService.set(service, others.add(instance))
    }
  }
}

const MAX_INSTANCES = 4_000
// RFC 6763 §6.2.
const MAX_TEXT_BYTES = 1_300
const MAX_TTL_SECONDS = 4_500

/**
 * Returns whether a goodbye ends this instance. The goodbye of a replaced server does not end its successor. Metrics may differ, because
 * not all of them are announced.
 */
function isGoodbyeOf({ text, said }: Instance, goodbye: Resource & { readonly type: 'TXT' }): boolean {
  if (text === undefined) return false
  if (isSameData(text, goodbye)) return true
  const [known] = said
  if (known?.owner === undefined || textBytes(goodbye.data) > MAX_TEXT_BYTES) return false
  const [last] = fromStrings(goodbye.data)
  return last?.owner === known.owner && last.version >= known.version
}

function isOfGoType(name: string): boolean {
  return name.toLowerCase().endsWith(`.${GO_TYPE}`)
}

function keyOf(on: string, name: string): string {
  return `${on} ${name.toLowerCase()}`
}
