import { createHash } from 'node:crypto'
import type { Entry } from '@rpcx/core'
import { formatMetadata, parseAddress, parseMetadata, RpcxError } from '@rpcx/core'

/** A service of one node in Consul's catalogue, as `/v1/health/service` returns it. */
export interface Instance {
  readonly Node: {
    readonly Node: string
    readonly Address: string
    readonly Meta: Readonly<Record<string, string>> | null
  }
  readonly Service: {
    readonly ID: string
    readonly Service: string
    readonly Kind?: string
    readonly Tags: readonly string[] | null
    readonly Address: string
    /** Consul 1.14 and later omit the port when it is 0. */
    readonly Port?: number
    readonly Meta: Readonly<Record<string, string>> | null
    readonly Weights?: { readonly Passing: number }
    readonly ModifyIndex: number
  }
}

/** An entry as a service definition. Property names are those of the library; those in `more` are Consul's. */
export interface Definition {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly port: number
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  readonly more: { readonly Weights: { readonly Passing: number; readonly Warning: number } }
}

/** Returns the service definition of an entry. @param owner the id of the registering entry and the number of this write */
export function definitionOf({ service, address, metadata }: Entry, owner: string): Definition {
  const { host, port } = hostPort(address)
  const { values } = parseMetadata(metadata)
  const [weight] = values.get('weight') ?? []
  const meta = { [ADDRESS]: address, [OWNER]: owner, ...piecesOf(metadata) }
  return {
    id: idOf(service, address),
    name: service,
    address: host,
    port,
    tags: [...new Set(values.get('group'))].filter(Boolean),
    meta: { ...meta, ...copiesOf(values, MOST_PAIRS - Object.keys(meta).length) },
    // Consul accepts this range because the weight becomes that of an SRV record.
    more: {
      Weights: { Passing: Math.min(65_535, Math.max(1, Math.trunc(Number(weight)) || 1)), Warning: 1 },
    },
  }
}

/** Returns a readable id. The hash makes it unique, because Consul ignores the case of ids. */
export function idOf(service: string, address: string): string {
  const digest = createHash('sha256').update(`${service}\n${address}`).digest('hex')
  return `${service}-${parseAddress(address).host.replace(/[^\w.-]+/g, '-')}-${digest.slice(0, 10)}`
}

/** Returns the address of an instance. The network defaults to `tcp`, the host to the address of the node. */
export function addressOf({ Node, Service }: Instance): string {
  return (
    Service.Meta?.[ADDRESS] ?? `tcp@${formatHostPort(Service.Address || Node.Address, Service.Port ?? 0)}`
  )
}

/** Returns why an instance cannot be an rpcx server, as far as the catalogue shows; `undefined` when it can. */
export function objection({ Node, Service }: Instance): RpcxError | undefined {
  const { Kind = '', Port = 0, Meta } = Service
  const host = Service.Address || Node.Address
  const why = (): string | undefined => {
    if (Meta?.[ADDRESS] !== undefined) return undefined
    if (Kind !== '') return `is a ${Kind}`
    const { protocol = 'rpcx' } = Meta ?? {}
    if (!PROTOCOLS.has(protocol)) return `speaks ${protocol}`
    if (!/^[^\s/]+$/.test(host)) return `has the address ${JSON.stringify(host)}`
    return Port > 0 ? undefined : `has the port ${Port}`
  }
  const said = why()
  if (said === undefined) return undefined
  return new RpcxError('ERR_RPCX_ADDRESS', `consul catalog: ${Service.ID} on ${Node.Node} ${said}`)
}

/** Returns the metadata as rpcx registered them. For other services, builds them from the meta, the tags (as groups) and the weight. */
export function metadataOf({ Service, Node }: Instance): string {
  const { [METADATA]: first, ...rest } = Service.Meta ?? {}
  if (first !== undefined) {
    let text = first
    for (let n = 2; rest[`${METADATA}-${n}`] !== undefined; n++) text += rest[`${METADATA}-${n}`]
    return text
  }
  const values = new Map<string, string[]>()
  const { Passing = 1 } = Service.Weights ?? {}
  if (Passing !== 1) values.set('weight', [String(Passing)])
  const zone = Node.Meta?.zone
  if (zone !== undefined) values.set('zone', [zone])
  if (Service.Tags?.length) values.set('group', [...Service.Tags])
  for (const [key, value] of Object.entries(rest)) if (!key.startsWith(PREFIX)) values.set(key, [value])
  return formatMetadata(values)
}

/** Returns the zone of the instance, or else the zone of its node. */
export function zoneOf(instance: Instance): string | undefined {
  return parseMetadata(metadataOf(instance)).values.get('zone')?.[0] ?? instance.Node.Meta?.zone
}

/** Returns the owner that registered the instance; `undefined` when it is not rpcx for TypeScript. */
export function ownerOf({ Service }: Pick<Instance, 'Service'>): string | undefined {
  return Service.Meta?.[OWNER]
}

/** Splits an address. @throws RpcxError `ERR_RPCX_ADDRESS` unless it is `network@host:port`, the only form that the catalogue stores */
export function hostPort(address: string): { readonly host: string; readonly port: number } {
  const [, ipv6, name, digits] =
    /^(?:\[([^\]]+)\]|([^\s:/]+)):(\d{1,5})$/.exec(parseAddress(address).host) ?? []
  const host = ipv6 ?? name
  const port = Number(digits)
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port }
  throw new RpcxError(
    'ERR_RPCX_ADDRESS',
    `consul catalog: ${address} is not network@host:port, and the catalogue stores nothing else`,
  )
}

/** Returns `host:port`, the counterpart of `hostPort`. IPv6 hosts get brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Splits the metadata into values that do not exceed Consul's limit. */
function piecesOf(metadata: string): Record<string, string> {
  const pieces = ['']
  let bytes = 0
  for (const character of metadata) {
    const size = Buffer.byteLength(character)
    if (bytes + size > MOST_BYTES) {
      pieces.push('')
      bytes = 0
    }
    pieces[pieces.length - 1] += character
    bytes += size
  }
  return Object.fromEntries(pieces.map((piece, i) => [i === 0 ? METADATA : `${METADATA}-${i + 1}`, piece]))
}

/** Returns a copy of each metadata value that Consul accepts, so that other tools can read it and filter by it. */
function copiesOf(values: ReadonlyMap<string, readonly string[]>, most: number): Record<string, string> {
  const copies = [...values].map(([key, all]) => [key, all.join(',')] as const)
  return Object.fromEntries(
    copies
      .filter(([key, value]) => KEY.test(key) && Buffer.byteLength(value) <= MOST_BYTES)
      .slice(0, Math.max(0, most)),
  )
}

const PREFIX = 'rpcx-'
const ADDRESS = 'rpcx-address'
const OWNER = 'rpcx-owner'
const METADATA = 'rpcx-metadata'
const PROTOCOLS = new Set(['rpcx', 'tcp'])
/** Consul's limits: pairs for each service, bytes of a value, characters of a key. */
const MOST_PAIRS = 64
const MOST_BYTES = 512
const KEY = /^(?!rpcx-|consul-)[\w-]{1,128}$/
