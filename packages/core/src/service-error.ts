/** What a `ServiceError` says beside its code and its text. */
export interface ServiceErrorOptions {
  /** What it follows from; the caller is told nothing of it. @default nothing */
  readonly cause?: unknown
  /** What the caller may want to know: anything that JSON has, at most 8 KiB of it. @default nothing */
  readonly details?: unknown
}

/**
 * An error that a service declares for its callers, with a code of its own. Thrown by a method, it reaches the caller as an `RpcxError` with
 * `ERR_RPCX_SERVICE`, whose `serviceCode` and `details` are these. Go's clients get the text. It is the answer of a server that works, so it
 * does not count among the errors for which servers are taken out.
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

// Those of another copy of this package are as good; those of other libraries, which are called the same, are none of ours.
const BRAND = Symbol.for('rpcx.ServiceError')
Object.defineProperty(ServiceError.prototype, BRAND, { value: true })

/** Recognises a `ServiceError` of any copy of this package. Never throws, whatever was thrown. */
export function isServiceError(thrown: unknown): thrown is ServiceError {
  try {
    return typeof thrown === 'object' && thrown !== null && BRAND in thrown
  } catch {
    // A proxy may refuse anything.
    return false
  }
}

/** Whether it may be the code of a `ServiceError`. */
export function isServiceCode(code: unknown): code is string {
  return typeof code === 'string' && /^[\w.:/-]{1,128}$/.test(code)
}

/** What a service declared about its failure, by a `ServiceError`. */
export interface DeclaredError {
  readonly code: string
  /** In JSON. */
  readonly details: string | undefined
}
