import { createHash } from 'node:crypto'
import type { Entry } from '@rpcx/core'

/** The name where Go's rpcx looks for servers of every service. It has Go's form, not that of RFC 6763. */
export const GO_TYPE = '_rpcxservices.local'
/** The name of the same servers for standard DNS-SD tools, with a subtype for each service. */
export const TOOL_TYPE = '_rpcx._tcp.local'
/** The name that lists all service types (RFC 6763 §9). */
export const ALL_TYPES = '_services._dns-sd._udp.local'

export function subtype(service: string): string {
  return `_${label(service, 50)}._sub.${TOOL_TYPE}`
}

/**
 * Returns the first label of an instance's name, such as `web1-8972-Arith`.
 * @param suffix distinguishes it from the label of another host with the same name
 */
export function instanceLabel(host: string, { service, address }: Entry, suffix: string): string {
  const port = portOf(address)
  return label(`${label(host, 16)}-${port || hash(address)}-${service}`, 40 - suffix.length) + suffix
}

/** Returns the port of `tcp@host:port`; 0 for an address without one, such as `unix@/run/x.sock`. */
export function portOf(address: string): number {
  const port = Number(/:(\d{1,5})$/.exec(address)?.[1] ?? 0)
  return port < 65_536 ? port : 0
}

/** Returns the host of `tcp@host:port`. */
export function hostOf(address: string): string {
  return /^(?:[^@]*@)?\[?(.*?)\]?:\d*$/.exec(address)?.[1] ?? ''
}

/**
 * Turns a string into one label. Replaces characters at which the library would split, and shortens the string. A changed string gets a
 * hash to stay unique.
 */
function label(text: string, bytes: number): string {
  const plain = text.replace(/[^A-Za-z0-9_-]/g, '-')
  return plain === text && plain.length <= bytes ? plain : `${plain.slice(0, bytes - 7)}-${hash(text)}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6)
}
