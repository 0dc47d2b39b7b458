import { isRpcxError, RpcxError, reasonOf } from '@rpcx/core'
import { GRPCUnavailableError } from 'etcd3'

/** Returns whether etcd itself returned this error, so that another connection would not help. */
export function isAnswer(error: unknown): boolean {
  if (error instanceof GRPCUnavailableError || isTokenRefused(error)) return false
  const { message } = error as Error
  // The other operations on this connection need a log-in too, so core retries all of them.
  if (message.includes('authentication failed')) return false
  // From etcd 3.6 on, a learner returns this error. Another member can answer.
  if (message.includes('not supported for learner')) return false
  // The list of one service is too long; the other services are not affected.
  if (message.includes('Received message larger than max')) return true
  return isRpcxError(error) || message.includes('etcdserver: ')
}

/** Returns whether a new token may be accepted: the current one has expired, or users or roles have changed since. */
export function isTokenRefused(error: unknown): boolean {
  return /invalid auth token|auth store is old/.test((error as Error).message)
}

/**
 * Returns an `RpcxError` that explains a failure.
 * @param what the operation and the server, as in `etcd 127.0.0.1:2379: list /rpcx_test/Arith/`
 */
export function explain(cause: Error & { readonly code?: unknown }, what: string): RpcxError {
  if (isRpcxError(cause)) {
    const { code, fatal } = cause
    return new RpcxError(code, `${what}: ${reasonOf(cause)}`, { fatal, cause: cause.cause })
  }
  const why = reasonOf(cause)
  const said = `${cause.code} ${why}`
  const [, advice] = ADVICE.find(([pattern]) => pattern.test(said)) ?? []
  if (advice === undefined) return new RpcxError('ERR_RPCX_REGISTRY', `${what}: ${why}`, { cause })
  return new RpcxError('ERR_RPCX_AUTH', `${what}: ${why}: ${advice}`, { cause })
}

/** Advice for failures that only an operator can fix. */
const ADVICE: readonly (readonly [said: RegExp, advice: string])[] = [
  [/user name is empty/, 'this etcd knows its users; give one as auth'],
  [/authentication is not enabled/, 'leave auth out, or switch it on there (etcdctl auth enable)'],
  [/authentication failed/, 'is the username or the password of auth wrong?'],
  [
    /permission denied/,
    'grant a role of this user the base path as a prefix (etcdctl role grant-permission --prefix)',
  ],
  [/^CERT_HAS_EXPIRED/, 'renew the certificate of this etcd'],
  [/^ERR_TLS_CERT_ALTNAME/, 'name this etcd in etcdServers as its certificate does'],
  [/^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_)/, 'give who signed the certificate of this etcd as tls.ca'],
  [
    /ALERT/,
    'give a certificate that this etcd accepts as tls.cert and tls.key; is ours there, and not expired?',
  ],
  [/^undefined it speaks TLS/, 'give tls'],
  [/^undefined it speaks plain text/, 'leave tls out, or give this etcd a certificate'],
]
