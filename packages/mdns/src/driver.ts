import { hostname } from 'node:os'
import type { Clock, Driver, DriverTraits, Entry, RegistrySession } from '@rpcx/core'
import type { NetworkOptions } from './network.ts'
import { MDNSSession } from './session.ts'
import { toStrings } from './text.ts'

/** The network interfaces and the port of multicast DNS. */
export interface MDNSOptions {
  /**
   * The names or addresses of the network interfaces to use, such as `eth0` or `192.168.1.7`.
   * @default all interfaces with multicast, including those that come up later
   */
  readonly interfaces?: string | readonly string[]
  /** The UDP port. Only peers with the same port can communicate, which is useful in tests. @default 5353 */
  readonly port?: number
}

/** The multicast DNS driver. Each server answers for itself, so there is no registry that could fail. */
export class MDNSDriver implements Driver {
  readonly name = 'mdns'
  readonly traits: DriverTraits = {
    crash: 'record-ttl',
    edits: false,
    publishes: 'listening',
    unspecified: true,
    // No record is multicast twice within a second (RFC 6762 §6).
    pacedMs: 1_000,
  }
  readonly #options: NetworkOptions
  /** The owner ids of all sessions of this driver. */
  readonly #owners = new Set<string>()

  /** @throws TypeError or RangeError that names the option */
  constructor(options: MDNSOptions) {
    const { interfaces = [], port = 5353 } = options
    const names = typeof interfaces === 'string' ? [interfaces] : [...interfaces]
    if (!names.every(name => typeof name === 'string' && name !== '')) {
      throw new TypeError(
        `mdns: interfaces is ${JSON.stringify(interfaces)}, not one or more names or addresses of interfaces`,
      )
    }
    if (!(Number.isInteger(port) && port > 0 && port < 65_536)) {
      throw new RangeError(`mdns: port is ${port}, not an integer from 1 to 65535`)
    }
    this.#options = { interfaces: names, port }
  }

  check({ service, address, metadata }: Entry): void {
    toStrings({ service, address: address || LONG_ADDRESS, metadata, owner: '', version: 0n })
  }

  async open(_signal: AbortSignal, clock: Clock): Promise<RegistrySession> {
    const owner = clock.uuid().slice(0, 8)
    const host = hostname().split('.')[0] ?? ''
    const session = new MDNSSession(
      clock,
      this.#options,
      { owner, host: host.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 20) },
      this.#owners,
    )
    await session.open()
    this.#owners.add(owner)
    return session
  }
}

/** The longest address that is possible while the real one is unknown. */
const LONG_ADDRESS = 'tcp@[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535'
