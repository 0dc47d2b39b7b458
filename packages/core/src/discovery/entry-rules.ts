import { hasControls, parseHostPort, quote } from '../address.ts'
import { RpcxError } from '../errors.ts'
import { shown } from '../options.ts'
import type { Endpoint } from './discovery.ts'
import { parseEndpoint } from './discovery.ts'
import type { Entry } from './driver.ts'

/** Decides which entries of a registry a discovery lists. A registry is not trusted: its entries decide where clients connect. */
export class EntryRules {
  readonly #networks: ReadonlySet<string> | undefined

  /** @param networks the accepted networks, which are the part of an address before `@`; `undefined`: all */
  constructor(networks: readonly string[] | undefined) {
    this.#networks = networks === undefined ? undefined : new Set(networks)
  }

  /** Returns the endpoint of an entry. @throws `ERR_RPCX_ADDRESS` that says why clients must not call it, and what to do */
  read(address: string, metadata: string): Endpoint {
    checkSize(address, metadata)
    const endpoint = parseEndpoint(address, metadata)
    const { network } = endpoint
    if (HOST_PORT_NETWORKS.has(network)) checkHostPort(address)
    // The entry belongs to another service: some registries store the service `a/b` below `a`.
    else if ((network === 'unix' ? network : address).includes('/')) throw refusal(address, 'has a / in it')
    if (this.#networks?.has(network) === false) throw refusal(address, objection(network, this.#networks))
    return endpoint
  }
}

/** The networks that discoveries accept by default. */
export const TCP_NETWORKS: readonly string[] = ['tcp', 'tcp4', 'tcp6']

/** Checks the option `networks`. @throws TypeError that names the option */
export function checkNetworks(who: string, networks: readonly string[]): readonly string[] {
  const isList = Array.isArray(networks) && networks.length > 0 && networks.every(isNetwork)
  if (isList) return networks
  const given = Array.isArray(networks) ? `[${networks.map(shown).join(', ')}]` : shown(networks)
  throw new TypeError(`${who}: networks is ${given}; pass one or more names such as 'tcp' or 'unix'`)
}

/**
 * Checks an entry before it is registered. Rejects what no registry should store and no discovery would list.
 * @throws TypeError or RangeError that names the service or the address
 */
export function checkEntry(registry: string, { service, address, metadata }: Entry): void {
  if (service === '' || service === '.' || service === '..' || hasControls(service)) {
    const text = `${registry}: ${quote(service)} cannot be the name of a service in a registry`
    throw new TypeError(`${text}; use letters and digits, without control characters`)
  }
  if (service.length > MOST_NAME_CHARACTERS) {
    const text = `${registry}: the name of a service has ${service.length} characters`
    throw new RangeError(`${text}, more than ${MOST_NAME_CHARACTERS}: ${quote(service)}`)
  }
  if (hasControls(address)) {
    throw new TypeError(`${registry}: the address ${quote(address)} has a control character in it`)
  }
  if (address.length > MOST_ADDRESS_CHARACTERS || metadata.length > MOST_METADATA_CHARACTERS) {
    throw new RangeError(`${registry}: ${service}: ${excess(address, metadata)}`)
  }
}

/** Whether a service with this name can be registered. Clients do not ask a registry for other names. */
export function isServiceName(service: string): boolean {
  return service !== '' && service.length <= MOST_NAME_CHARACTERS && !hasControls(service)
}

/** Returns a rough upper limit of the memory that an endpoint takes, in bytes. */
export function weightOf({ address, metadata, values }: Endpoint): number {
  return 256 + 2 * address.length + 8 * metadata.length + 160 * values.size
}

function checkSize(address: string, metadata: string): void {
  if (address.length > MOST_ADDRESS_CHARACTERS || metadata.length > MOST_METADATA_CHARACTERS)
    throw refusal(address, `is not listed: ${excess(address, metadata)}`)
}

function excess(address: string, metadata: string): string {
  return address.length > MOST_ADDRESS_CHARACTERS
    ? `the address has ${address.length} characters, more than ${MOST_ADDRESS_CHARACTERS}`
    : `the metadata have ${metadata.length} characters, more than ${MOST_METADATA_CHARACTERS}`
}

function checkHostPort(address: string): void {
  const text = address.slice(address.indexOf('@') + 1)
  const { host, port } = parseHostPort(text)
  if (/[\s/@]/.test(host)) throw refusal(address, 'has no host that can be called')
  if (port === 0) throw refusal(address, 'has the port 0, where nobody can be called')
}

function objection(network: string, networks: ReadonlySet<string>): string {
  const listed = [...networks].join(', ')
  const text = `has the network ${quote(network)}, and only ${listed} are listed`
  if (UNSPOKEN.has(network)) {
    return `${text}: rpcx in TypeScript does not speak it; register an address of the network tcp, too`
  }
  return `${text}; if clients shall connect wherever this registry says, add it to the option networks`
}

function refusal(address: string, why: string): RpcxError {
  return new RpcxError('ERR_RPCX_ADDRESS', `address: ${quote(address)} ${why}`)
}

function isNetwork(network: unknown): boolean {
  return typeof network === 'string' && /^[^\s@]+$/.test(network) && !hasControls(network)
}

/** The networks of Go's rpcx for which this library has no transport. */
const UNSPOKEN = new Set(['http', 'ws', 'wss', 'reuseport', 'quic', 'kcp', 'rdma', 'iouring'])
const HOST_PORT_NETWORKS = new Set([...TCP_NETWORKS, ...UNSPOKEN])

// Names in DNS have at most 253 characters, paths of Unix sockets 107.
const MOST_ADDRESS_CHARACTERS = 512
const MOST_NAME_CHARACTERS = 1_024
// About the largest value that etcd and ZooKeeper store.
const MOST_METADATA_CHARACTERS = 1_048_576
