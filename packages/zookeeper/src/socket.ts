import type { LookupFunction, Socket } from 'node:net'
import { connect as connectPlain } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import type { RegistryHost } from '@rpcx/core'

/** Connects to a server. Calls `ready` when the connection is open, with TLS after the handshake. */
export function openSocket(
  { host, port }: RegistryHost,
  tls: ConnectionOptions | undefined,
  lookup: LookupFunction,
  ready: () => void,
): Socket {
  const socket =
    tls === undefined
      ? connectPlain({ host, port, lookup }).on('connect', ready)
      : connectTls({ ...tls, host, port, lookup }).on('secureConnect', ready)
  return socket.setNoDelay()
}
