import { RpcxError } from './errors.ts'

/** Where a server listens: `network@host:port`, such as `tcp@127.0.0.1:8972` or `unix@/run/arith.sock`. */
export interface Address {
  /** `tcp`, `unix`, `memu`, …; `tcp` when the string names none. */
  readonly network: string
  /** What follows the first `@`: `host:port`, a path or a name. */
  readonly host: string
}

/**
 * Splits an address at the first `@`, as Go's clients do (client/xclient_discovery.go). Rejects control characters.
 * @throws `ERR_RPCX_ADDRESS`
 */
export function parseAddress(text: string): Address {
  if (hasControls(text)) {
    throw new RpcxError('ERR_RPCX_ADDRESS', `address: ${quote(text)} has a control character in it`)
  }
  const at = text.indexOf('@')
  const network = at < 0 ? 'tcp' : text.slice(0, at)
  const host = text.slice(at + 1)
  if (network === '' || host === '') {
    throw new RpcxError('ERR_RPCX_ADDRESS', `address: ${quote(text)} is not network@host:port`)
  }
  return { network, host }
}

/** Splits `host:port` or `[ipv6]:port`. @throws `ERR_RPCX_ADDRESS` */
export function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new RpcxError(
      'ERR_RPCX_ADDRESS',
      `address: ${quote(text)} is not host:port with a port up to 65535`,
    )
  }
  return { host: match[1] ?? match[2] ?? '', port }
}

/** Returns `host:port`, with brackets around an IPv6 host. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether a name or an address contains control characters, which change what a terminal or a log shows. */
export function hasControls(text: string): boolean {
  return CONTROLS.test(text)
}

/** Returns a string of unknown origin as part of a message: in quotes, escaped, cut to 200 characters. */
export function quote(text: string): string {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return JSON.stringify(shown).replace(ALL_CONTROLS, code => `\\u${hex(code)}`)
}

function hex(text: string): string {
  return text.charCodeAt(0).toString(16).padStart(4, '0')
}

// Control characters, line separators of Unicode, unpaired surrogates, and characters that reverse the direction of writing.
const CLASS = '[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cs}\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]'
const CONTROLS = new RegExp(CLASS, 'u')
const ALL_CONTROLS = new RegExp(CLASS, 'gu')
