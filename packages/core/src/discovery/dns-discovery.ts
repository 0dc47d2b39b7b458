import type { Clock } from '../clock.ts'
import { checkKnown, checkMs, shown } from '../options.ts'
import { DNSDriver } from './dns-driver.ts'
import { RegistryDiscovery } from './registry-discovery.ts'

/** The options of `DNSDiscovery`. */
export interface DNSDiscoveryOptions {
  /** The name to look up, such as `arith.service.consul`, or a function that returns it for the name of a service. */
  readonly domain: string | ((service: string) => string)
  /**
   * The port of all servers. With a port, the discovery looks up A and AAAA records.
   * @default none: looks up SRV records, which contain the port
   */
  readonly port?: number
  /** The network of the servers, which is the part of an address before `@`. @default 'tcp' */
  readonly network?: string
  /** The IP addresses of DNS servers, with or without a port: `127.0.0.1` or `127.0.0.1:8600`. Not names. @default the system's */
  readonly servers?: string | readonly string[]
  /**
   * How often to look up SRV records, whose TTL Node does not report, and names without records. In milliseconds, at least 1000. The
   * discovery looks up addresses again when their TTL ends, but at most once a second. It then also looks up the SRV records that name
   * them.
   * @default 10_000
   */
  readonly intervalMs?: number
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/**
 * Discovers servers by DNS: by A and AAAA records, as Go's `NewDNSDiscovery` does, or by SRV records. It uses the SRV records of the lowest
 * priority, with their weight as metadata. A name that does not exist has no servers. When DNS fails, the discovery keeps the last known
 * servers. Some DNS servers cut their answers without saying so, as Consul does by default above three servers. Configure Consul with
 * `enable_truncate`.
 */
export class DNSDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: DNSDiscoveryOptions) {
    checkKnown('dns', options, OPTIONS)
    const { domain, port, network = 'tcp', servers, intervalMs = 10_000, clock } = options
    if (typeof domain !== 'function' && (typeof domain !== 'string' || domain === '')) {
      throw new TypeError(`dns: domain is ${shown(domain)}, not a name or a function`)
    }
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
      throw new RangeError(`dns: port is ${shown(port)}, not one from 1 to 65535`)
    }
    if (!/^[^\s@]+$/.test(network)) throw new TypeError(`dns: network is ${shown(network)}, not a name`)
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

const OPTIONS: Readonly<Record<keyof DNSDiscoveryOptions, true>> = {
  domain: true,
  port: true,
  network: true,
  servers: true,
  intervalMs: true,
  clock: true,
}
