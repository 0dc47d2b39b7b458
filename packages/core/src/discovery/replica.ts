import { parseHostPort } from '../address.ts'
import { RpcxError } from '../errors.ts'
import { parseMetadata } from '../metadata.ts'
import type { Endpoint, Endpoints } from './discovery.ts'
import { byAddress, parseEndpoint } from './discovery.ts'
import type { Replica } from './driver.ts'

/** Who hears what becomes of a service's servers. */
export interface ReplicaOwner {
  /** All changes of one tick at once. */
  published(endpoints: Endpoints): void
  added(endpoint: Endpoint): void
  changed(endpoint: Endpoint, before: Endpoint): void
  removed(endpoint: Endpoint): void
  /** The registry holds something that is no server. Told once per address. */
  ignored(address: string, error: Error): void
  /** Its metadata are no query string: it is listed, without values. Told once for each text. */
  unreadable(endpoint: Endpoint): void
}

/** The list of one service: raw entries in, endpoints out. */
export class ServiceReplica implements Replica {
  readonly #owner: ReplicaOwner
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #ignored = new Set<string>()
  #scheduled = false
  #isListed = false

  constructor(owner: ReplicaOwner) {
    this.#owner = owner
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
    if (this.#ignored.has(address)) return
    this.#ignored.add(address)
    this.#owner.ignored(address, error)
  }

  #put(address: string, metadata: string): boolean {
    const before = this.#endpoints.get(address)
    if (before?.metadata === metadata) return false
    let endpoint: Endpoint
    try {
      endpoint = parseEntry(address, metadata)
    } catch (error) {
      this.ignore(address, error as Error)
      return false
    }
    this.#endpoints.set(address, endpoint)
    if (endpoint.values.size === 0 && !parseMetadata(metadata).valid) this.#owner.unreadable(endpoint)
    if (before === undefined) this.#owner.added(endpoint)
    else this.#owner.changed(endpoint, before)
    return true
  }

  #remove(address: string): boolean {
    const endpoint = this.#endpoints.get(address)
    if (endpoint === undefined) return false
    this.#endpoints.delete(address)
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

/** @throws `ERR_RPCX_ADDRESS` when no client could ever dial it */
function parseEntry(address: string, metadata: string): Endpoint {
  const endpoint = parseEndpoint(address, metadata)
  const { network } = endpoint
  if (HOST_PORT_NETWORKS.has(network)) parseHostPort(address.slice(address.indexOf('@') + 1))
  // Another service's entry, where registries keep `a/b` below `a`.
  else if ((network === 'unix' ? network : address).includes('/')) {
    throw new RpcxError('ERR_RPCX_ADDRESS', `address: ${JSON.stringify(address)} has a / in it`)
  }
  return endpoint
}

const HOST_PORT_NETWORKS = new Set(['tcp', 'tcp4', 'tcp6', 'http', 'ws', 'wss', 'reuseport', 'quic', 'kcp'])
