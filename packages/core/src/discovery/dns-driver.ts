import type { promises as dns, SrvRecord } from 'node:dns'
import { formatHostPort } from '../address.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'
import { reasonOf } from '../reason.ts'
import type { DiscoveryDriver, DiscoverySession } from './driver.ts'

export interface DNSSettings {
  readonly nameOf: (service: string) => string
  /** The port of all servers; `undefined`: the port in each SRV record. */
  readonly port: number | undefined
  readonly network: string
  readonly servers: readonly string[] | undefined
  readonly intervalMs: number
}

/** The records of a DNS answer, and how long they are valid. Without records, `ttlMs` may be `Infinity`. */
interface Told<T> {
  readonly all: readonly T[]
  readonly ttlMs: number
}

/** Polls DNS for the list, because DNS does not report changes. */
export class DNSDriver implements DiscoveryDriver {
  readonly name = 'dns'
  readonly #settings: DNSSettings

  /** @throws TypeError when one of the `servers` is not an IP address, with or without a port */
  constructor(settings: DNSSettings) {
    this.#settings = settings
    resolverOf(settings)
  }

  async open(_signal: AbortSignal, clock: Clock): Promise<DiscoverySession> {
    const resolver = resolverOf(this.#settings)
    return {
      ended: new Promise(() => {}),
      watchService: async (service, into, signal) => {
        const name = this.#settings.nameOf(service)
        while (!signal.aborted) {
          const { all, ttlMs } = await this.#find(resolver, name)
          if (signal.aborted) return
          into.replace(all)
          await clock.sleep(Math.min(Math.max(ttlMs, SHORTEST_MS), LONGEST_MS), signal)
        }
      },
      close: async () => resolver.cancel(),
    }
  }

  async #find(
    resolver: dns.Resolver,
    name: string,
  ): Promise<Told<readonly [address: string, metadata: string]>> {
    const { port, network, intervalMs } = this.#settings
    const at = (ip: string, port: number): string => `${network}@${formatHostPort(ip, port)}`
    if (port !== undefined) {
      const { all, ttlMs } = await addresses(resolver, name)
      return { all: all.map(ip => [at(ip, port), '']), ttlMs: all.length > 0 ? ttlMs : intervalMs }
    }
    const records = nearest(await asked('SRV', name, resolver.resolveSrv(name)))
    const targets = await allAddresses(resolver, new Set(records.map(({ name }) => name)))
    return {
      all: records.flatMap(({ name, port, weight }) =>
        (targets.get(name)?.all ?? []).map(
          ip => [at(ip, port), weight > 1 ? `weight=${weight}` : ''] as const,
        ),
      ),
      ttlMs: [...targets.values()].reduce((least, { ttlMs }) => Math.min(least, ttlMs), intervalMs),
    }
  }
}

/** @throws TypeError */
function resolverOf({ servers }: DNSSettings): dns.Resolver {
  const resolver = new lazy.dns.promises.Resolver({ timeout: 1_000, tries: 3 })
  try {
    if (servers !== undefined) resolver.setServers(servers)
  } catch (cause) {
    throw new TypeError(
      `dns: servers is ${JSON.stringify(servers)}, not IP addresses, with ports or without`,
      {
        cause,
      },
    )
  }
  return resolver
}

/**
 * Returns the records of the lowest priority, which RFC 2782 says to try first. A record without a target means that there is no server.
 */
function nearest(records: readonly SrvRecord[]): readonly SrvRecord[] {
  const servers = records.filter(({ name }) => name !== '')
  const lowest = Math.min(...servers.map(({ priority }) => priority))
  return servers.filter(({ priority }) => priority === lowest)
}

/**
 * Returns the addresses of each name. Looks up each name once, with at most `MOST_AT_ONCE` lookups at a time, because an answer may name
 * thousands of targets, or the same one many times.
 */
async function allAddresses(
  resolver: dns.Resolver,
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Told<string>>> {
  const found = new Map<string, Told<string>>()
  const left = names.values()
  const worker = async (): Promise<void> => {
    for (const name of left) found.set(name, await addresses(resolver, name))
  }
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, worker))
  return found
}

/** Returns the IPv4 and IPv6 addresses of a name. */
async function addresses(resolver: dns.Resolver, name: string): Promise<Told<string>> {
  const records = await Promise.all([
    asked('A', name, resolver.resolve4(name, { ttl: true })),
    asked('AAAA', name, resolver.resolve6(name, { ttl: true })),
  ])
  const all = records.flat()
  return { all: all.map(({ address }) => address), ttlMs: 1_000 * Math.min(...all.map(({ ttl }) => ttl)) }
}

/** Returns the answer to a query; an empty list when there is no such record. @throws `ERR_RPCX_REGISTRY` when the query fails */
async function asked<T>(type: string, name: string, answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    // `EBADNAME`: no DNS server can have records of such a name.
    if (code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EBADNAME') return []
    throw new RpcxError('ERR_RPCX_REGISTRY', `dns: ${type} ${name}: ${code || reasonOf(cause)}`, {
      cause,
    })
  }
}

const MOST_AT_ONCE = 16
const SHORTEST_MS = 1_000
const LONGEST_MS = 86_400_000
