import type { promises as dns, SrvRecord } from 'node:dns'
import { formatHostPort } from '../address.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'
import { reasonOf } from '../reason.ts'
import type { DiscoveryDriver, DiscoverySession } from './driver.ts'

export interface DNSSettings {
  readonly nameOf: (service: string) => string
  /** Of all servers; `undefined`: as SRV records say. */
  readonly port: number | undefined
  readonly network: string
  readonly servers: readonly string[] | undefined
  readonly intervalMs: number
}

/** What DNS says, and for how long, as far as it says so. */
interface Told<T> {
  readonly all: readonly T[]
  readonly ttlMs: number
}

/** Asks DNS for a list again and again, as it tells of no changes itself. */
export class DNSDriver implements DiscoveryDriver {
  readonly name = 'dns'
  readonly #settings: DNSSettings

  /** @throws TypeError when a server is no IP address, with a port or without */
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

/** Those that RFC 2782 has tried first; one without a target says that there is no server. */
function nearest(records: readonly SrvRecord[]): readonly SrvRecord[] {
  const servers = records.filter(({ name }) => name !== '')
  const lowest = Math.min(...servers.map(({ priority }) => priority))
  return servers.filter(({ priority }) => priority === lowest)
}

/** Of each name once, so many at a time: an answer may name thousands, or the same one again and again. */
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

/** Of both families. */
async function addresses(resolver: dns.Resolver, name: string): Promise<Told<string>> {
  const records = await Promise.all([
    asked('A', name, resolver.resolve4(name, { ttl: true })),
    asked('AAAA', name, resolver.resolve6(name, { ttl: true })),
  ])
  const all = records.flat()
  return { all: all.map(({ address }) => address), ttlMs: 1_000 * Math.min(...all.map(({ ttl }) => ttl)) }
}

/** What is not there is an answer. @throws `ERR_RPCX_REGISTRY` when there is none */
async function asked<T>(type: string, name: string, answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    // A name that no name server can know has no servers either.
    if (code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EBADNAME') return []
    throw new RpcxError('ERR_RPCX_REGISTRY', `dns: ${type} ${name}: ${code || reasonOf(cause)}`, {
      cause,
    })
  }
}

const MOST_AT_ONCE = 16
const SHORTEST_MS = 1_000
const LONGEST_MS = 86_400_000
