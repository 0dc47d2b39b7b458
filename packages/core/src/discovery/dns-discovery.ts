import type { Clock } from '../clock.ts'
import { checkMs } from '../options.ts'
import { DNSDriver } from './dns-driver.ts'
import { RegistryDiscovery } from './registry-discovery.ts'

/** Whom a `DNSDiscovery` asks for what. */
export interface DNSDiscoveryOptions {
  /** The name that is asked for, or a function that makes it of the service's: `arith.service.consul`. */
  readonly domain: string | ((service: string) => string)
  /** Where all servers listen; their addresses are asked for, A and AAAA. @default SRV records are, which tell the port */
  readonly port?: number
  /** What the servers speak. @default 'tcp' */
  readonly network?: string
  /** The DNS servers, `127.0.0.1` or `127.0.0.1:8600`; a name is none. @default the system's */
  readonly servers?: string | readonly string[]
  /**
   * How often SRV records are asked for, since Node does not tell their TTL, and names without any record; in milliseconds from
   * 1000. Addresses are asked for when their TTL is over, but not more often than once a second, and with them SRV records that
   * name them. @default 10_000
   */
  readonly intervalMs?: number
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/**
 * Discovers servers by DNS, as Go's `NewDNSDiscovery` does, and by SRV records: those of the lowest priority, with their weight as
 * metadata. A name that does not exist has no servers; when DNS fails, the last known servers stand. A name server that cuts its
 * answers without saying so, as Consul's does by default above three servers, has to be told to say so (`enable_truncate`).
 */
export class DNSDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: DNSDiscoveryOptions) {
    const { domain, port, network = 'tcp', servers, intervalMs = 10_000, clock } = options
    if (typeof domain !== 'function' && (typeof domain !== 'string' || domain === '')) {
      throw new TypeError(`dns: domain is ${JSON.stringify(domain)}, not a name or a function`)
    }
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
      throw new RangeError(`dns: port is ${port}, not one from 1 to 65535`)
    }
    if (!/^[^\s@]+$/.test(network))
      throw new TypeError(`dns: network is ${JSON.stringify(network)}, not a name`)
    checkMs('dns', 'intervalMs', intervalMs, 1_000)
    super(
      new DNSDriver({
        nameOf: typeof domain === 'function' ? domain : () => domain,
        port,
        network,
        servers: servers === undefined ? undefined : [servers].flat(),
        intervalMs,
      }),
      { networks: [network], ...(clock && { clock }) },
    )
  }
}
