import { parseHostPort } from '../address.ts'
import type { Clock, ClockOption } from '../clock.ts'
import { checkClockOption } from '../clock.ts'
import type { Discovery, DiscoveryStatus, Endpoint, Endpoints, WaitOptions } from './discovery.ts'
import { byAddress, parseEndpoint } from './discovery.ts'
import { Feed } from './feed.ts'

/** One server in a fixed list. */
export interface KeyValue {
  /** The address, such as `tcp@10.0.0.7:8972`. */
  readonly key: string
  /** The metadata, a query string. @default '' */
  readonly value?: string
}

/** A list of servers that the program sets, which is the same for every service. `update` replaces it while calls run. */
export class MultipleServersDiscovery implements Discovery {
  readonly #clock: Clock
  readonly #feed: Feed
  #since: number
  #closed = false

  /** @throws TypeError when `servers` is empty or contains an address twice; `ERR_RPCX_ADDRESS` */
  constructor(servers: readonly KeyValue[], options: ClockOption = {}) {
    this.#clock = checkClockOption('MultipleServersDiscovery', options)
    this.#feed = new Feed(this.#clock, 'MultipleServersDiscovery')
    this.#since = this.#clock.wallTime()
    if (Array.isArray(servers) && servers.length === 0)
      throw new TypeError('MultipleServersDiscovery: servers is empty')
    this.update(servers)
  }

  /**
   * Replaces the list. An empty list means that there are no servers now.
   * @throws TypeError when `servers` contains an address twice; `ERR_RPCX_ADDRESS`
   */
  update(servers: readonly KeyValue[]): void {
    if (!Array.isArray(servers))
      throw new TypeError(
        `MultipleServersDiscovery: servers is ${typeof servers}, not a list of { key: address }`,
      )
    const endpoints = servers.map(endpointOf).sort(byAddress)
    endpoints.forEach((endpoint, i) => {
      if (endpoint.address === endpoints[i + 1]?.address) {
        throw new TypeError(`MultipleServersDiscovery: ${endpoint.address} is there twice`)
      }
    })
    this.#since = this.#clock.wallTime()
    this.#feed.publish(Object.freeze(endpoints))
  }

  list(_service: string, options?: WaitOptions): Promise<Endpoints> {
    return this.#feed.list(options)
  }

  watch(_service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#feed.watch(options)
  }

  status(_service: string): DiscoveryStatus {
    return {
      state: this.#closed ? 'closed' : 'fresh',
      since: this.#since,
      source: 'static',
      lastError: undefined,
    }
  }

  close(): Promise<void> {
    this.#closed = true
    this.#feed.close()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** @throws TypeError when `server` is not a `KeyValue`; `ERR_RPCX_ADDRESS` */
function endpointOf(server: KeyValue, i: number): Endpoint {
  const { key, value = '' } = (server ?? {}) as Partial<KeyValue>
  if (typeof key !== 'string') {
    const given = typeof server === 'string' ? JSON.stringify(server) : typeof server
    throw new TypeError(`MultipleServersDiscovery: servers[${i}] is ${given}, not { key: 'tcp@host:port' }`)
  }
  if (typeof value !== 'string')
    throw new TypeError(
      `MultipleServersDiscovery: servers[${i}].value is ${typeof value}, not a query string`,
    )
  const endpoint = parseEndpoint(key, value)
  // Other networks have other kinds of hosts, such as paths.
  if (/^tcp[46]?$/.test(endpoint.network)) parseHostPort(key.slice(key.indexOf('@') + 1))
  return endpoint
}
