/** What a `ServiceError` contains besides its code and its message. */
export interface ServiceErrorOptions {
  /** The error that caused this one. It is not sent to the caller. @default nothing */
  readonly cause?: unknown
  /** Details for the caller: any JSON value of at most 8 KiB. @default nothing */
  readonly details?: unknown
}

/**
 * An error that a service declares for its callers, with its own code. When a method throws it, the caller gets an `RpcxError` with
 * `ERR_RPCX_SERVICE` and with this `serviceCode` and these `details`. Go's clients get the message. It does not count among the errors for
 * which servers are ejected, because the server works.
 *
 * ```ts
 * throw new ServiceError('OUT_OF_STOCK', 'only 3 are left', { details: { left: 3 } })
 * ```
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: string
  readonly details: unknown
  /** @throws TypeError unless the code is 1 to 128 letters, digits and `_ . : / -` */
  constructor(code: string, message: string, options: ServiceErrorOptions = {}) {
    const { cause, details } = options
    super(message, cause === undefined ? undefined : { cause })
    if (!isServiceCode(code))
      throw new TypeError(
        `ServiceError: the code is ${JSON.stringify(code)?.slice(0, 200)}; pass 1 to 128 letters, digits and _ . : / -`,
      )
    this.code = code
    this.details = details
  }
}

// Accepts errors of another copy of this package, but not errors of other libraries with the same name.
const BRAND = Symbol.for('rpcx.ServiceError')
Object.defineProperty(ServiceError.prototype, BRAND, { value: true })

/** Whether a value is a `ServiceError` of any copy of this package. Never throws, whatever was thrown. */
export function isServiceError(thrown: unknown): thrown is ServiceError {
  try {
    return typeof thrown === 'object' && thrown !== null && BRAND in thrown
  } catch {
    // A proxy may throw on any access.
    return false
  }
}

/** Whether a value can be the code of a `ServiceError`. */
export function isServiceCode(code: unknown): code is string {
  return typeof code === 'string' && /^[\w.:/-]{1,128}$/.test(code)
}

/** The code and the details of a `ServiceError` that a service threw. */
export interface DeclaredError {
  readonly code: string
  /** The details in JSON. */
  readonly details: string | undefined
}
