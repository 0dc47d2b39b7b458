import type { PeerCertificate } from 'node:tls'
import type { PushMessage } from './push-message.ts'
import type { ReverseCallOptions, ReverseReply } from './reverse-call-options.ts'

/** The connection over which a call arrived. */
export interface ServerConnection {
  /** The address of the client, such as `tcp@127.0.0.1:53412`. */
  readonly remoteAddress: string
  /** The certificate of the client that the server accepted; `undefined` without one. */
  readonly peerCertificate: PeerCertificate | undefined
  /**
   * Sends the client a message without a request. Returns whether the message was queued: `false` when the connection is closed or the
   * client does not read.
   */
  push(message: PushMessage): boolean
  /**
   * Calls a function that the client offers over this connection. Only clients of this package can offer functions.
   * @throws `ERR_RPCX_UNAVAILABLE` when the client offers no functions, is gone or does not read; other errors as a client's call
   */
  call(method: string, args?: unknown, options?: ReverseCallOptions): Promise<unknown>
  /** Calls a function like `call`. Resolves to the reply and its metadata. */
  invoke(method: string, args?: unknown, options?: ReverseCallOptions): Promise<ReverseReply>
  /** Closes the connection at once and aborts its calls. */
  close(): void
}
