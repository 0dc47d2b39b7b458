import { hideSecret, isRpcxError, RpcxError, reasonOf } from '@rpcx/core'

/** An error as the library rejects with it. */
export interface LibraryError extends NodeJS.ErrnoException {
  readonly isAbort?: boolean
  /** Whether the library rejected the arguments and sent no request. */
  readonly isValidation?: boolean
  /** Whether the response is not valid JSON. */
  readonly isCodec?: boolean
  readonly response?: { readonly statusCode?: number; readonly body?: unknown }
}

/**
 * The reason why an operation failed, without secrets. The library's own error contains the whole request, with the token and the private
 * key of the client certificate.
 */
export class ConsulFailure extends Error {
  override readonly name = 'ConsulFailure'
  readonly code: string | undefined
  /** The HTTP status of the response; 0 without a response. */
  readonly status: number
  /** The body of the response, shortened. */
  readonly said: string
  /** Consul's message about a transaction that was not applied. */
  readonly refusal: string | undefined

  constructor(error: LibraryError, hide: (text: string) => string) {
    const { code, response = {} } = error
    super(hide(reasonOf(error)))
    const { statusCode = 0, body } = response
    const refusal = refusalOf(body)
    this.code = code
    this.status = statusCode
    this.said = hide(textOf(body).slice(0, MOST_SAID))
    this.refusal = refusal === undefined ? undefined : hide(refusal.slice(0, MOST_SAID))
  }
}

/** Returns whether Consul itself returned this error, so that another agent would return the same. */
export function isAnswer(error: LibraryError): boolean {
  const { statusCode = 0, body } = error.response ?? {}
  // A redirect means that Consul cannot store this key. After a 429, core retries later. Neither affects other requests.
  const isNoFault = statusCode >= 300 && statusCode < 500
  return isNoFault || error.isAbort || error.isValidation || FACTS.test(textOf(body).slice(0, MOST_SAID))
}

/** Returns the error for a response that does not come from Consul. */
export function notConsuls(status: number | undefined): RpcxError {
  return new RpcxError('ERR_RPCX_REGISTRY', `${status}, which is not Consul's answer`)
}

/** Returns whether the agent sent a response that Consul would not send. */
export function isNonsense(error: LibraryError): boolean {
  return isRpcxError(error, 'ERR_RPCX_REGISTRY') || error.isCodec === true
}

/** Returns whether Consul is overloaded or limits our requests. */
export function isTooMuch(error: unknown): boolean {
  const { cause, response } = error as LibraryError & { readonly cause?: unknown }
  return (cause instanceof ConsulFailure ? cause.status : response?.statusCode) === 429
}

/** Returns whether the agent is up but has no path to the requested datacenter. */
export function isNoPath(error: Error): boolean {
  return isRpcxError(error) && failureIn(error)?.said.startsWith(NO_PATH) === true
}

/** Returns Consul's message about a transaction that was not applied. @throws `error` when it has another cause */
export function refusal(error: Error): string {
  const words = failureIn(error)?.refusal
  if (words === undefined || isRpcxError(error, 'ERR_RPCX_AUTH')) throw error
  return words
}

/**
 * Returns an `RpcxError` with the status and the first line of the response. The library omits long responses.
 * @param token the token, which is removed from the message in case Consul repeats it
 */
export function explain(cause: LibraryError, what: string, token?: string): RpcxError {
  const hide = (text: string): string => (token ? hideSecret(text, token, '[token]') : text)
  if (isRpcxError(cause)) return new RpcxError(cause.code, hide(`${what}: ${reasonOf(cause)}`))
  const failure = new ConsulFailure(cause, hide)
  const { status, said, refusal } = failure
  // With a successful status, reading the response failed.
  const text = status < 400 ? failure.message : (refusal ?? (said || failure.message))
  const isDenied = status === 401 || status === 403 || (status === 409 && /permission denied/i.test(text))
  const code = isDenied ? 'ERR_RPCX_AUTH' : 'ERR_RPCX_REGISTRY'
  const [line = ''] = text.trim().slice(0, 300).split('\n')
  return new RpcxError(code, `${what}: ${status === 0 ? line : `${status} ${line}`}`, {
    cause: failure,
    fatal: said.startsWith('Invalid Session TTL'),
  })
}

function failureIn({ cause }: Error): ConsulFailure | undefined {
  return cause instanceof ConsulFailure ? cause : undefined
}

function refusalOf(body: unknown): string | undefined {
  const errors = (body as { readonly Errors?: unknown } | null | undefined)?.Errors
  if (!Array.isArray(errors)) return undefined
  return errors.map(error => textOf((error as { readonly What?: unknown } | null)?.What)).join('; ')
}

function textOf(body: unknown): string {
  if (body === undefined || body === null) return ''
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body.toString()
  return JSON.stringify(body)
}

const NO_PATH = 'No path to datacenter'
/** The messages that Consul sends with status 500 although nothing failed. */
const FACTS = new RegExp(`^(${NO_PATH}|Invalid Session TTL|CheckID ".*" does not have associated TTL)`)
const MOST_SAID = 4_096
