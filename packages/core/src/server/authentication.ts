import type { CallContext } from '../call/call-context.ts'
import { isRpcxError, RpcxError } from '../errors.ts'

/**
 * Decides whether the caller may make a call, for example by `context.token` or `context.connection.peerCertificate`. Only `true` allows
 * it. A refused caller gets the message `invalid token`, or the message of an `RpcxError` with `ERR_RPCX_AUTH` that the function throws.
 * Then the server closes the connection. Heartbeats are not checked. The counterpart in Go's server is `AuthFunc`.
 */
export type Authenticate = (context: CallContext) => boolean | Promise<boolean>

/** Returns the error for a caller that `authenticate` refused, or for which it threw. */
export function authenticationError(thrown: unknown): RpcxError {
  if (isRpcxError(thrown, 'ERR_RPCX_AUTH')) return thrown
  // Any other error is a bug of the server, and its message may reveal internals.
  return new RpcxError('ERR_RPCX_AUTH', 'invalid token', thrown === undefined ? {} : { cause: thrown })
}
