import type { PeerCertificate } from 'node:tls'
import type { PushMessage } from './push-message.ts'
import type { ReverseCallOptions, ReverseReply } from './reverse-call-options.ts'

/** The connection that a call came in on. */
export interface ServerConnection {
  /** `tcp@127.0.0.1:53412` */
  readonly remoteAddress: string
  /** The certificate that the client showed and that was accepted; `undefined` without one. */
  readonly peerCertificate: PeerCertificate | undefined
  /**
   * Sends the client a message that it did not ask for. Returns whether it was queued: not when the connection is gone or its
   * client does not read.
   */
  push(message: PushMessage): boolean
  /**
   * Calls a function that the client offers over this connection; only clients of this package do.
   * @throws `ERR_RPCX_UNAVAILABLE` when it offers none, is gone or does not read; otherwise as a client's call
   */
  call(method: string, args?: unknown, options?: ReverseCallOptions): Promise<unknown>
  /** As `call`, but resolves to all that is known: the reply and its metadata. */
  invoke(method: string, args?: unknown, options?: ReverseCallOptions): Promise<ReverseReply>
  /** Closes the connection at once; its calls are aborted. */
  close(): void
}
