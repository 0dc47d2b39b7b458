import { quote } from '../address.ts'
import { RpcxError } from '../errors.ts'
import { parseMetadata } from '../metadata.ts'
import type { Endpoint, Endpoints } from './discovery.ts'
import { byAddress } from './discovery.ts'
import type { Replica } from './driver.ts'
import { EntryRules, weightOf } from './entry-rules.ts'

/** Who hears what becomes of a service's servers. */
export interface ReplicaOwner {
  /** All changes of one tick at once. */
  published(endpoints: Endpoints): void
  added(endpoint: Endpoint): void
  changed(endpoint: Endpoint, before: Endpoint): void
  removed(endpoint: Endpoint): void
  /** The registry holds something that is no server. Told once per address, of `MOST_IGNORED` at most. */
  ignored(address: string, error: Error): void
  /** Its metadata are no query string: it is listed, without values. Told once for each text. */
  unreadable(endpoint: Endpoint): void
}

/** The list of one service: raw entries in, endpoints out. */
export class ServiceReplica implements Replica {
  readonly #owner: ReplicaOwner
  readonly #rules: EntryRules
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #ignored = new Set<string>()
  #scheduled = false
  #isListed = false
  /** What all endpoints take in memory, in bytes. */
  #weight = 0

  /** @param rules by which entries are listed or left out */
  constructor(owner: ReplicaOwner, rules: EntryRules = new EntryRules(undefined)) {
    this.#owner = owner
    this.#rules = rules
  }

  replace(all: Iterable<readonly [address: string, metadata: string]>): void {
    const seen = new Set<string>()
    // Nobody is told of a list that says what the one before said, except of the first.
    let isNew = !this.#isListed
    this.#isListed = true
    for (const [address, metadata] of all) {
      seen.add(address)
      if (this.#put(address, metadata)) isNew = true
    }
    for (const address of this.#endpoints.keys()) {
      if (!seen.has(address) && this.#remove(address)) isNew = true
    }
    if (isNew) this.#schedule()
  }

  put(address: string, metadata: string): void {
    if (this.#put(address, metadata)) this.#schedule()
  }

  remove(address: string): void {
    if (this.#remove(address)) this.#schedule()
  }

  ignore(address: string, error: Error): void {
    // An address of a megabyte is neither kept nor handed on.
    const shown = address.slice(0, MOST_SHOWN)
    if (this.#ignored.has(shown) || this.#ignored.size >= MOST_IGNORED) return
    this.#ignored.add(shown)
    this.#owner.ignored(shown, error)
  }

  #put(address: string, metadata: string): boolean {
    const before = this.#endpoints.get(address)
    if (before?.metadata === metadata) return false
    let endpoint: Endpoint
    try {
      endpoint = this.#read(address, metadata, before)
    } catch (error) {
      this.ignore(address, error as Error)
      return this.#remove(address)
    }
    this.#endpoints.set(address, endpoint)
    if (endpoint.values.size === 0 && !parseMetadata(metadata).valid) this.#owner.unreadable(endpoint)
    if (before === undefined) this.#owner.added(endpoint)
    else this.#owner.changed(endpoint, before)
    return true
  }

  /** @throws `ERR_RPCX_ADDRESS` when it is not to be listed */
  #read(address: string, metadata: string, before: Endpoint | undefined): Endpoint {
    const endpoint = this.#rules.read(address, metadata)
    const weight = this.#weight + weightOf(endpoint) - (before === undefined ? 0 : weightOf(before))
    if (weight > MOST_WEIGHT) {
      const text = `address: ${quote(address)} is not listed: the list of this service takes ${MOST_WEIGHT} bytes of memory`
      throw new RpcxError('ERR_RPCX_ADDRESS', `${text} already; is the registry flooded?`)
    }
    this.#weight = weight
    return endpoint
  }

  #remove(address: string): boolean {
    const endpoint = this.#endpoints.get(address)
    if (endpoint === undefined) return false
    this.#endpoints.delete(address)
    this.#weight -= weightOf(endpoint)
    this.#owner.removed(endpoint)
    return true
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#owner.published(Object.freeze([...this.#endpoints.values()].sort(byAddress)))
    })
  }
}

/** Of how many addresses it is told and remembered that they are ignored. */
const MOST_IGNORED = 1_000
const MOST_SHOWN = 512
// Room for some 300 000 servers.
const MOST_WEIGHT = 512 * 2 ** 20
