import type { ClockOption } from '../clock.ts'
import { checkClockOption } from '../clock.ts'
import { shown } from '../options.ts'
import type { Discovery, DiscoveryStatus, Endpoints, WaitOptions } from './discovery.ts'
import { MultipleServersDiscovery } from './multiple-servers.ts'

/** A discovery with one known server, for every service. */
export class Peer2PeerDiscovery implements Discovery {
  readonly #server: MultipleServersDiscovery

  /**
   * @param server the address of the server, such as `tcp@127.0.0.1:8972`
   * @param metadata a query string. @default ''
   * @throws `ERR_RPCX_ADDRESS`; TypeError when `server` is not a string
   */
  constructor(server: string, metadata = '', options: ClockOption = {}) {
    if (typeof server !== 'string')
      throw new TypeError(
        `Peer2PeerDiscovery: server is ${shown(server)}, not a string such as "tcp@127.0.0.1:8972"`,
      )
    checkClockOption('Peer2PeerDiscovery', options)
    this.#server = new MultipleServersDiscovery([{ key: server, value: metadata }], options)
  }

  list(service: string, options?: WaitOptions): Promise<Endpoints> {
    return this.#server.list(service, options)
  }
  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#server.watch(service, options)
  }
  status(service: string): DiscoveryStatus {
    return this.#server.status(service)
  }
  close(): Promise<void> {
    return this.#server.close()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
