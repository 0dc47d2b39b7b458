import { isRpcxError, RpcxError } from '@rpcx/core'
import { Exception } from 'node-zookeeper-client'

/** What ZooKeeper may answer that changes what is done next. */
export type Answer = 'NO_NODE' | 'NODE_EXISTS' | 'BAD_VERSION'

/** Whether this is how ZooKeeper answered. */
export function isAnswer(error: unknown, ...answers: readonly Answer[]): boolean {
  const { cause } = error as Error
  return cause instanceof Exception && answers.some(answer => cause.code === Exception[answer])
}

/** An answer of ZooKeeper with an error that the library does not know: it would throw instead of passing it on. */
class UnknownCode extends Error {
  override readonly name = 'UnknownCode'
  readonly code: number

  constructor(code: number) {
    super(`error ${code}`)
    this.code = code
  }
}

/** @throws what the answer means, when the library does not know this code */
export function checkCode(code: number): void {
  if (!KNOWN.has(code)) throw new UnknownCode(code)
}

/** The codes that the library knows. */
const KNOWN: ReadonlySet<unknown> = new Set(Object.values(Exception))

/** Whether the library says by this that the connection, or the session, is gone. */
export function isLoss(error: unknown): boolean {
  return (
    error instanceof Exception &&
    (error.code === Exception.CONNECTION_LOSS || error.code === Exception.SESSION_EXPIRED)
  )
}

/** @param what was tried, and with whom: `zookeeper 127.0.0.1:2181: read /rpcx` */
export function explain(cause: Error, what: string): RpcxError {
  if (isRpcxError(cause)) return cause
  const code = cause instanceof Exception || cause instanceof UnknownCode ? cause.code : undefined
  // A name with several addresses fails with an error that has no text of its own.
  const text = HINTS.get(code) ?? (cause.message || (cause as NodeJS.ErrnoException).code || cause.name)
  const isRefusal = code === Exception.NO_AUTH || code === Exception.AUTH_FAILED
  return new RpcxError(isRefusal ? 'ERR_RPCX_AUTH' : 'ERR_RPCX_REGISTRY', `${what}: ${text}`, {
    cause,
    fatal: code === Exception.INVALID_ACL,
  })
}

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
])
