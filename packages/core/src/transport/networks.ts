import { RpcxError } from '../errors.ts'
import { memory } from './memory.ts'
import { tcp } from './tcp.ts'
import type { Transport } from './transport.ts'

/** The transport of a network. @throws `ERR_RPCX_ADDRESS` when none serves it */
export function transportOf(network: string): Transport {
  for (const transport of transports) if (transport.networks.includes(network)) return transport
  const known = transports.flatMap(transport => transport.networks).join(', ')
  throw new RpcxError(
    'ERR_RPCX_ADDRESS',
    `address: no transport for network ${JSON.stringify(network)}; there are ${known}`,
  )
}

const transports: readonly Transport[] = [tcp, memory]
