import { createHash } from 'node:crypto'
import type { Entry } from '@rpcx/core'
import { formatMetadata, parseAddress, parseMetadata, RpcxError } from '@rpcx/core'

/** A service of one node in Consul's catalogue, as `/v1/health/service` tells it. */
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
    /** Left out when it is 0, from Consul 1.14 on. */
    readonly Port?: number
    readonly Meta: Readonly<Record<string, string>> | null
    readonly Weights?: { readonly Passing: number }
    readonly ModifyIndex: number
  }
}

/** What an entry is in the catalogue, in the words of the library and, of `more`, of Consul. */
export interface Definition {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly port: number
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  readonly more: { readonly Weights: { readonly Passing: number; readonly Warning: number } }
}

/** @param owner who registers it, and which of its writes this is */
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
    // What Consul accepts: it is the weight of an SRV record.
    more: {
      Weights: { Passing: Math.min(65_535, Math.max(1, Math.trunc(Number(weight)) || 1)), Warning: 1 },
    },
  }
}

/** Readable, and unlike that of any other entry: Consul compares without regard to case. */
export function idOf(service: string, address: string): string {
  const digest = createHash('sha256').update(`${service}\n${address}`).digest('hex')
  return `${service}-${parseAddress(address).host.replace(/[^\w.-]+/g, '-')}-${digest.slice(0, 10)}`
}

/** Where it is called, with `tcp` and the address of its node where it does not say. */
export function addressOf({ Node, Service }: Instance): string {
  return (
    Service.Meta?.[ADDRESS] ?? `tcp@${formatHostPort(Service.Address || Node.Address, Service.Port ?? 0)}`
  )
}

/** Why it is no server of rpcx, in so far as the catalogue tells. */
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

/** As it was registered; of what others registered, its meta, with tags as groups and its weight. */
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

/** Its own zone, or else that of its node. */
export function zoneOf(instance: Instance): string | undefined {
  return parseMetadata(metadataOf(instance)).values.get('zone')?.[0] ?? instance.Node.Meta?.zone
}

/** Who registered it; `undefined` when that was nobody of ours. */
export function ownerOf({ Service }: Pick<Instance, 'Service'>): string | undefined {
  return Service.Meta?.[OWNER]
}

/** @throws RpcxError `ERR_RPCX_ADDRESS` when it is no `network@host:port`, as the catalogue knows no others */
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

/** The counterpart of `hostPort`: IPv6 hosts get their brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The metadata as they are, cut to what one value may have. */
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

/** The metadata key by key, as far as Consul takes them, for those who filter by them or look at them. */
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
/** Consul's limits: pairs of a service, bytes of a value, characters of a key. */
const MOST_PAIRS = 64
const MOST_BYTES = 512
const KEY = /^(?!rpcx-|consul-)[\w-]{1,128}$/
