import { createHash } from 'node:crypto'
import type { Entry } from '@rpcx/core'

/** Where Go's rpcx looks for servers of every service. Not shaped as RFC 6763 has it, but Go's. */
export const GO_TYPE = '_rpcxservices.local'
/** The same servers for ordinary tools, with a subtype for each service. */
export const TOOL_TYPE = '_rpcx._tcp.local'
/** Which types there are (RFC 6763 §9). */
export const ALL_TYPES = '_services._dns-sd._udp.local'

export function subtype(service: string): string {
  return `_${label(service, 50)}._sub.${TOOL_TYPE}`
}

/**
 * The first part of an instance's name: `web1-8972-Arith`.
 * @param suffix tells it from that of another host with the same name
 */
export function instanceLabel(host: string, { service, address }: Entry, suffix: string): string {
  const port = portOf(address)
  return label(`${label(host, 16)}-${port || hash(address)}-${service}`, 40 - suffix.length) + suffix
}

/** The port of `tcp@host:port`; 0 where there is none, as of `unix@/run/x.sock`. */
export function portOf(address: string): number {
  const port = Number(/:(\d{1,5})$/.exec(address)?.[1] ?? 0)
  return port < 65_536 ? port : 0
}

/** The host of `tcp@host:port`. */
export function hostOf(address: string): string {
  return /^(?:[^@]*@)?\[?(.*?)\]?:\d*$/.exec(address)?.[1] ?? ''
}

/** A text as one label of a name: what the library would split, or cut, is replaced, and told apart by a hash. */
function label(text: string, bytes: number): string {
  const plain = text.replace(/[^A-Za-z0-9_-]/g, '-')
  return plain === text && plain.length <= bytes ? plain : `${plain.slice(0, bytes - 7)}-${hash(text)}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6)
}
