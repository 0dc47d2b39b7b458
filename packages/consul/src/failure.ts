import { isRpcxError, RpcxError, reasonOf } from '@rpcx/core'

/** As the library rejects. */
export interface LibraryError extends NodeJS.ErrnoException {
  readonly isAbort?: boolean
  /** Nothing was asked. */
  readonly isValidation?: boolean
  /** The answer is no JSON. */
  readonly isCodec?: boolean
  readonly response?: { readonly statusCode?: number; readonly body?: unknown }
}

/**
 * Why an operation failed, in so far as it may be told: the library's own error holds the whole request, with the token and the
 * key of our certificate in it.
 */
export class ConsulFailure extends Error {
  override readonly name = 'ConsulFailure'
  readonly code: string | undefined
  /** Of Consul's answer; 0 when there is none. */
  readonly status: number
  /** What Consul said beside the status. */
  readonly said: string
  /** Why a transaction was not done, in Consul's words. */
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

/** Whether Consul itself said so, and another agent would say the same. */
export function isAnswer(error: LibraryError): boolean {
  const { statusCode = 0, body } = error.response ?? {}
  // What it redirects, it does not store; what is too much now (429) is repeated later. Nobody else's question is affected.
  const isNoFault = statusCode >= 300 && statusCode < 500
  return isNoFault || error.isAbort || error.isValidation || FACTS.test(textOf(body).slice(0, MOST_SAID))
}

/** An answer that is not Consul's, whatever it looks like. */
export function notConsuls(status: number | undefined): RpcxError {
  return new RpcxError('ERR_RPCX_REGISTRY', `${status}, which is not Consul's answer`)
}

/** Whether the agent answered, but not as Consul does. */
export function isNonsense(error: LibraryError): boolean {
  return isRpcxError(error, 'ERR_RPCX_REGISTRY') || error.isCodec === true
}

/** Whether Consul has too much to do, or we asked it too often. */
export function isTooMuch(error: unknown): boolean {
  const { cause, response } = error as LibraryError & { readonly cause?: unknown }
  return (cause instanceof ConsulFailure ? cause.status : response?.statusCode) === 429
}

/** Whether the agent is there, and the datacenter that was asked for is not. */
export function isNoPath(error: Error): boolean {
  return isRpcxError(error) && failureIn(error)?.said.startsWith(NO_PATH) === true
}

/** Why a transaction was not done, in Consul's words. @throws `error` when that is not why it failed */
export function refusal(error: Error): string {
  const words = failureIn(error)?.refusal
  if (words === undefined || isRpcxError(error, 'ERR_RPCX_AUTH')) throw error
  return words
}

/**
 * The same as an error of ours, with the status and the first line of what was said: the library leaves out long ones.
 * @param token which must not be found in it, also when Consul says it
 */
export function explain(cause: LibraryError, what: string, token?: string): RpcxError {
  const hide = (text: string): string => (token ? text.replaceAll(token, '[token]') : text)
  if (isRpcxError(cause)) return new RpcxError(cause.code, hide(`${what}: ${reasonOf(cause)}`))
  const failure = new ConsulFailure(cause, hide)
  const { status, said, refusal } = failure
  // Of what looks like success it was the reading that failed.
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
/** What Consul says with a 500, though nothing failed. */
const FACTS = new RegExp(`^(${NO_PATH}|Invalid Session TTL|CheckID ".*" does not have associated TTL)`)
const MOST_SAID = 4_096
