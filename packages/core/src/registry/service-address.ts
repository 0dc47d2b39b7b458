import { formatHostPort, parseAddress, parseHostPort } from '../address.ts'
import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'

/**
 * Returns the address to publish for a server that listens at `address`. That is `address` itself, or the only external address of this
 * host when the server listens on all interfaces.
 * @throws `ERR_RPCX_ADDRESS` that names the candidates when there is not exactly one
 */
export function publishedAddress(address: string): string {
  const { network, host } = parseAddress(address)
  if (!network.startsWith('tcp')) return address
  const { host: ip, port } = parseHostPort(host)
  if (ip !== '0.0.0.0' && ip !== '::' && ip !== '') return address
  const candidates = externalAddresses()
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return `${network}@${formatHostPort(only, port)}`
  const found = candidates.length === 0 ? 'there is none' : `there are ${candidates.join(', ')}`
  throw new RpcxError(
    'ERR_RPCX_ADDRESS',
    `serviceAddress: the server listens on all interfaces (${address}); name the address that clients can reach: ${found}`,
    { fatal: true },
  )
}

/** Returns the external IPv4 addresses of this host, or its IPv6 addresses when it has no IPv4 address. */
function externalAddresses(): string[] {
  const all = Object.values(lazy.os.networkInterfaces()).flatMap(addresses => addresses ?? [])
  const external = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  const v4 = external.filter(({ family }) => family === 'IPv4')
  return (v4.length > 0 ? v4 : external).map(({ address }) => address)
}
