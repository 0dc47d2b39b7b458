import { RpcxError } from './errors.ts'

/** Where a server listens: `network@host:port`, such as `tcp@127.0.0.1:8972` or `unix@/run/arith.sock`. */
export interface Address {
  /** `tcp`, `unix`, `memu`, …; `tcp` when the text names none. */
  readonly network: string
  /** What follows the first `@`: `host:port`, a path or a name. */
  readonly host: string
}

/** Splits at the first `@`, as Go's clients do (client/xclient_discovery.go). @throws `ERR_RPCX_ADDRESS` */
export function parseAddress(text: string): Address {
  const at = text.indexOf('@')
  const network = at < 0 ? 'tcp' : text.slice(0, at)
  const host = text.slice(at + 1)
  if (network === '' || host === '') {
    throw new RpcxError('ERR_RPCX_ADDRESS', `address: ${JSON.stringify(text)} is not network@host:port`)
  }
  return { network, host }
}

/** A host and a port out of `host:port` or `[ipv6]:port`. @throws `ERR_RPCX_ADDRESS` */
export function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new RpcxError(
      'ERR_RPCX_ADDRESS',
      `address: ${JSON.stringify(text)} is not host:port with a port up to 65535`,
    )
  }
  return { host: match[1] ?? match[2] ?? '', port }
}

/** The counterpart of `parseHostPort`: IPv6 hosts get their brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
