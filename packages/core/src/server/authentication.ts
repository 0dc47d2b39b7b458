import type { CallContext } from '../call/call-context.ts'
import { isRpcxError, RpcxError } from '../errors.ts'

/**
 * Says whether the caller may make this call, by `context.token`, `context.connection.peerCertificate` or anything else: only
 * `true` lets it through. A caller that is refused is told `invalid token`, or the text of the `RpcxError` with
 * `ERR_RPCX_AUTH` that was thrown; then its connection is closed. Heartbeats are not asked about. As `AuthFunc` of Go's server.
 */
export type Authenticate = (context: CallContext) => boolean | Promise<boolean>

/** What a caller is told whom `authenticate` refused, or for whom it threw. */
export function authenticationError(thrown: unknown): RpcxError {
  if (isRpcxError(thrown, 'ERR_RPCX_AUTH')) return thrown
  // Anything else is a mistake of ours, and its text may say how this server is built.
  return new RpcxError('ERR_RPCX_AUTH', 'invalid token', thrown === undefined ? {} : { cause: thrown })
}
