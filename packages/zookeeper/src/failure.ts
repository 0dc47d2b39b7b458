import { isRpcxError, RpcxError, reasonOf } from '@rpcx/core'
import { Exception } from 'node-zookeeper-client'

/** The errors of ZooKeeper that change what rpcx does next. */
export type Answer = 'NO_NODE' | 'NODE_EXISTS' | 'BAD_VERSION'

/** Returns whether ZooKeeper answered with one of these errors. */
export function isAnswer(error: unknown, ...answers: readonly Answer[]): boolean {
  const { cause } = error as Error
  return cause instanceof Exception && answers.some(answer => cause.code === Exception[answer])
}

/** The error for a response that the library cannot process. The library treats it like an error of its own. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer'
  /** ZooKeeper's error code, if the response has one. */
  readonly code: number | undefined

  constructor(message: string, code?: number) {
    super(message)
    this.code = code
  }

  getCode(): number | undefined {
    return this.code
  }
}

/** Checks an error code. @throws BadAnswer when the library does not know it */
export function checkCode(code: number): void {
  if (!KNOWN.has(code)) throw new BadAnswer(`error ${code}`, code)
}

/** The error codes that the library knows. */
const KNOWN: ReadonlySet<unknown> = new Set(Object.values(Exception))

/** Returns whether this error of the library means that the connection or the session is lost. */
export function isLoss(error: unknown): boolean {
  return (
    error instanceof Exception &&
    (error.code === Exception.CONNECTION_LOSS || error.code === Exception.SESSION_EXPIRED)
  )
}

/**
 * Returns an `RpcxError` that explains a failure.
 * @param what the operation and the server, as in `zookeeper 127.0.0.1:2181: read /rpcx`
 */
export function explain(cause: Error, what: string): RpcxError {
  if (isRpcxError(cause)) return cause
  const code = cause instanceof Exception || cause instanceof BadAnswer ? cause.code : undefined
  const advice = TLS_ADVICE.find(([pattern]) => pattern.test(`${(cause as NodeJS.ErrnoException).code}`))?.[1]
  if (advice !== undefined)
    return new RpcxError('ERR_RPCX_AUTH', `${what}: ${reasonOf(cause)}: ${advice}`, { cause })
  const text = HINTS.get(code) ?? reasonOf(cause)
  return new RpcxError(REFUSALS.has(code) ? 'ERR_RPCX_AUTH' : 'ERR_RPCX_REGISTRY', `${what}: ${text}`, {
    cause,
    fatal: code === Exception.INVALID_ACL,
  })
}

const TLS_ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/^CERT_HAS_EXPIRED/, 'renew the certificate of this ZooKeeper'],
  [
    /^ERR_TLS_CERT_ALTNAME/,
    'name this ZooKeeper in zooKeeperServers as its certificate does, or give tls.servername',
  ],
  [
    /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_)/,
    'give who signed the certificate of this ZooKeeper as tls.ca',
  ],
  [/^ERR_SSL_.*ALERT/, 'give a certificate that this ZooKeeper accepts as tls.cert and tls.key'],
]

const SESSION_REQUIRES_AUTH = -124
const QUOTA_EXCEEDED = -125
const THROTTLED = -127

/** The errors that only an operator can fix. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([
  Exception.NO_AUTH,
  Exception.AUTH_FAILED,
  SESSION_REQUIRES_AUTH,
])

const HINTS: ReadonlyMap<number | undefined, string> = new Map([
  [
    Exception.NO_AUTH,
    'no permission: the ACL of this node, or to make and delete nodes that of the one above it, allows this to others only; give a user whom it allows as digest (is the password right?), or change the ACL (setAcl)',
  ],
  [
    Exception.AUTH_FAILED,
    'this ZooKeeper takes no digest: enable that scheme there, or leave the option out',
  ],
  [
    Exception.INVALID_ACL,
    'ZooKeeper refuses the acl: each must be scheme:id:permissions of a scheme that it knows, and auth:: needs a digest',
  ],
  [
    SESSION_REQUIRES_AUTH,
    'this ZooKeeper requires its clients to authenticate: give the option digest, where it accepts that scheme (enforce.auth.schemes); SASL is not supported',
  ],
  [
    QUOTA_EXCEEDED,
    'the quota of this path is exceeded: raise it (setquota), or remove what is no longer needed below it',
  ],
  [THROTTLED, 'ZooKeeper is overloaded and throttles requests; this one is repeated later'],
])
