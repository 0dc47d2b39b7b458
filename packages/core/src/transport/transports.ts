import type { Duplex } from 'node:stream'
import { RpcxError } from '../errors.ts'
import { memory } from './memory.ts'
import { tcp, unix } from './tcp.ts'
import type { Listener, Transport } from './transport.ts'
import { openedBy } from './transport.ts'

/** The transports of a server or a client: those of the program, TCP, unix sockets and memory. */
export class Transports {
  readonly #all: readonly Transport[]

  /**
   * @param own take precedence over the built-in transports
   * @throws TypeError that names the option
   */
  constructor(who: string, own: readonly Transport[] = []) {
    for (const [i, transport] of own.entries()) checkTransport(`${who}: transports[${i}]`, transport)
    this.#all = own.length === 0 ? BUILT_IN : [...own, ...BUILT_IN]
  }

  /** Returns the transport of a network. @throws `ERR_RPCX_ADDRESS` when there is none */
  of(network: string): Transport {
    for (const transport of this.#all) if (transport.networks.includes(network)) return transport
    const known = this.#all.flatMap(transport => transport.networks).join(', ')
    throw new RpcxError(
      'ERR_RPCX_ADDRESS',
      `address: no transport for network ${JSON.stringify(network)}; there are ${known}`,
    )
  }

  /** @throws as `Transport.connect`; `ERR_RPCX_ADDRESS` */
  async connect(network: string, host: string, signal: AbortSignal, isWrapped: boolean): Promise<Duplex> {
    const transport = this.of(network)
    return openedBy(await transport.connect(network, host, signal, isWrapped), transport)
  }

  /** @throws as `Transport.listen`; `ERR_RPCX_ADDRESS` */
  async listen(
    network: string,
    host: string,
    accept: (stream: Duplex, remoteAddress: string) => void,
  ): Promise<Listener> {
    const transport = this.of(network)
    return transport.listen(network, host, (stream, remoteAddress) =>
      accept(openedBy(stream, transport), remoteAddress),
    )
  }
}

const BUILT_IN: readonly Transport[] = [tcp, unix, memory]

function checkTransport(what: string, transport: Transport): void {
  const { networks, connect, listen } = Object(transport) as Partial<Transport>
  if (typeof connect !== 'function' || typeof listen !== 'function')
    throw new TypeError(`${what} is not a transport: it has no connect() and listen()`)
  const areNames = Array.isArray(networks) && networks.length > 0 && networks.every(isName)
  if (!areNames)
    throw new TypeError(
      `${what}.networks is ${JSON.stringify(networks)}, not a list of names such as ["ipc"]`,
    )
}

function isName(network: unknown): boolean {
  return typeof network === 'string' && /^[a-z][a-z0-9+.-]*$/.test(network)
}
