/**
 * The code of an `RpcxError`. The set of codes is closed, so that callers can switch on it.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_RPCX_ADDRESS` | an address is not `network@host:port` |
 * | `ERR_RPCX_ARGUMENT` | the arguments of a call cannot be encoded, or the server could not decode them |
 * | `ERR_RPCX_AUTH` | the server refused the caller's token |
 * | `ERR_RPCX_CLOSED` | the client, server or discovery was closed |
 * | `ERR_RPCX_CODEC` | a codec is missing, or a payload does not decode |
 * | `ERR_RPCX_CONFLICT` | another live server is registered at our address |
 * | `ERR_RPCX_FRAME` | bytes on a connection are not rpcx frames, or exceed a limit |
 * | `ERR_RPCX_LOST` | the registry no longer holds our entry |
 * | `ERR_RPCX_METHOD_NOT_FOUND` | the service has no such method |
 * | `ERR_RPCX_NO_ENDPOINT` | the registry knows no server of the service |
 * | `ERR_RPCX_NOT_EXECUTED` | the server did not run the call; repeating it elsewhere is safe |
 * | `ERR_RPCX_OUTCOME_UNKNOWN` | the connection was lost after the call was sent; it may have run |
 * | `ERR_RPCX_REGISTRY` | a registry could not be reached, or refused the request |
 * | `ERR_RPCX_SELECTOR` | a custom selector threw, or chose a server that is not in its list |
 * | `ERR_RPCX_SERVICE` | the service itself failed; the message is its own, and so is `serviceCode` |
 * | `ERR_RPCX_SERVICE_NOT_FOUND` | the server has no such service |
 * | `ERR_RPCX_TIMEOUT` | a deadline passed |
 * | `ERR_RPCX_TLS` | a TLS handshake failed: a certificate is missing, expired, not trusted, or has another name |
 * | `ERR_RPCX_UNAVAILABLE` | no server could be reached |
 */
export type RpcxErrorCode = (typeof codes)[number]

/** What an `RpcxError` contains besides its code and its message. */
export interface RpcxErrorOptions {
  /** The error that caused this one. @default none */
  readonly cause?: unknown
  /** Whether only a change of the configuration can help. @default false */
  readonly fatal?: boolean
  /** The metadata that the server sent with the failure. @default none */
  readonly metadata?: Readonly<Record<string, string>>
  /** The failed attempts of a call. @default none */
  readonly attempts?: readonly FailedAttempt[]
  /** The code of the `ServiceError` that the service threw. @default none */
  readonly serviceCode?: string
  /** The details of that `ServiceError`. @default none */
  readonly details?: unknown
}

/** One failed attempt of a call. */
export interface FailedAttempt {
  /** The address of the server. */
  readonly endpoint: string
  readonly error: RpcxError
}

/** The error of every failure that is not misuse. The `code` tells failures apart, and `cause` is the underlying error. */
export class RpcxError extends Error {
  override readonly name = 'RpcxError'
  readonly code: RpcxErrorCode
  /** Whether only a change of the configuration can help, so that a retry is useless. */
  readonly fatal: boolean
  /** The metadata that the server sent with the failure; empty when the failure does not come from a server. */
  readonly metadata: Readonly<Record<string, string>>
  /** The failed attempts of a call, in order. */
  readonly attempts: readonly FailedAttempt[]
  /** The service's own code, when `code` is `ERR_RPCX_SERVICE` and its method threw a `ServiceError`; otherwise `undefined`. */
  declare readonly serviceCode: string | undefined
  /**
   * The details that came with `serviceCode`: JSON from the service, at most 8 KiB. The client does not validate them; validate what you
   * rely on.
   */
  declare readonly details: unknown
  constructor(code: RpcxErrorCode, message: string, options: RpcxErrorOptions = {}) {
    const {
      cause,
      fatal = false,
      metadata = NO_METADATA,
      attempts = NO_ATTEMPTS,
      serviceCode,
      details,
    } = options
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.fatal = fatal
    this.metadata = metadata
    this.attempts = attempts
    // Does not set these properties without a service code, because they would appear wherever an error is printed.
    if (serviceCode === undefined) return
    this.serviceCode = serviceCode
    this.details = details
  }
}

const NO_METADATA = Object.freeze({})
const NO_ATTEMPTS = Object.freeze([])

/**
 * Whether a value is an `RpcxError`, with this code if one is given. Checks the shape, so that two copies of this package understand each
 * other.
 */
export function isRpcxError(error: unknown, code?: RpcxErrorCode): error is RpcxError {
  if (!(error instanceof Error) || error.name !== 'RpcxError') return false
  return code === undefined || (error as RpcxError).code === code
}

/**
 * Returns the code of the answer to a call that failed before or after its method ran. Any error of the method itself is
 * `ERR_RPCX_SERVICE`, whatever its code.
 */
export function codeOf(error: unknown): RpcxErrorCode {
  return isRpcxError(error) ? error.code : 'ERR_RPCX_SERVICE'
}

/** Whether a string from a peer is an error code that this version knows. */
export function isRpcxErrorCode(text: string | undefined): text is RpcxErrorCode {
  return (codes as readonly (string | undefined)[]).includes(text)
}

const codes = [
  'ERR_RPCX_ADDRESS',
  'ERR_RPCX_ARGUMENT',
  'ERR_RPCX_AUTH',
  'ERR_RPCX_CLOSED',
  'ERR_RPCX_CODEC',
  'ERR_RPCX_CONFLICT',
  'ERR_RPCX_FRAME',
  'ERR_RPCX_LOST',
  'ERR_RPCX_METHOD_NOT_FOUND',
  'ERR_RPCX_NO_ENDPOINT',
  'ERR_RPCX_NOT_EXECUTED',
  'ERR_RPCX_OUTCOME_UNKNOWN',
  'ERR_RPCX_REGISTRY',
  'ERR_RPCX_SELECTOR',
  'ERR_RPCX_SERVICE',
  'ERR_RPCX_SERVICE_NOT_FOUND',
  'ERR_RPCX_TIMEOUT',
  'ERR_RPCX_TLS',
  'ERR_RPCX_UNAVAILABLE',
] as const
