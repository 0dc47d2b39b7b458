import { isRpcxError, RpcxError } from '@rpcx/core'

/** As the library rejects. */
interface LibraryError extends Error {
  readonly isAbort?: boolean
  /** Nothing was asked. */
  readonly isValidation?: boolean
  readonly response?: { readonly statusCode?: number; readonly body?: unknown }
}

/** Whether Consul itself said so, and another agent would say the same. */
export function isAnswer(error: LibraryError): boolean {
  const { statusCode = 0 } = error.response ?? {}
  const isNoFault = statusCode >= 400 && statusCode < 500 && statusCode !== 429
  return isNoFault || error.isAbort || error.isValidation || FACTS.test(String(error.response?.body))
}

/** Whether the agent is there, and the datacenter that was asked for is not. */
export function isNoPath(error: Error): boolean {
  return isRpcxError(error) && String((error.cause as LibraryError)?.response?.body).startsWith(NO_PATH)
}

/** Why a transaction was not done, in Consul's words. @throws `error` when that is not why it failed */
export function refusal(error: Error): string {
  const words = refusalOf(error.cause)
  if (words === undefined || isRpcxError(error, 'ERR_RPCX_AUTH')) throw error
  return words
}

/** The same as an error of ours, with the status and the first line of what was said: the library leaves out long ones. */
export function explain(cause: LibraryError, what: string): RpcxError {
  if (isRpcxError(cause)) return new RpcxError(cause.code, `${what}: ${cause.message}`)
  const { statusCode: status = 0, body } = cause.response ?? {}
  // Of what looks like success it was the reading that failed.
  const text = status < 400 ? cause.message : (refusalOf(cause) ?? String(body ?? cause.message))
  const isDenied = status === 401 || status === 403 || (status === 409 && /permission denied/i.test(text))
  const code = isDenied ? 'ERR_RPCX_AUTH' : 'ERR_RPCX_REGISTRY'
  const [line = ''] = text.trim().slice(0, 300).split('\n')
  const said = status === 0 ? line : `${status} ${line}`
  return new RpcxError(code, `${what}: ${said}`, { cause, fatal: isRefusedTtl(cause) })
}

function refusalOf(error: unknown): string | undefined {
  const body = (error as LibraryError | undefined)?.response?.body as { Errors?: { What: string }[] }
  return body?.Errors?.map(({ What }) => What).join('; ')
}

const NO_PATH = 'No path to datacenter'
/** What Consul says with a 500, though nothing failed. */
const FACTS = new RegExp(`^(${NO_PATH}|Invalid Session TTL|CheckID ".*" does not have associated TTL)`)

function isRefusedTtl(error: LibraryError): boolean {
  return String(error.response?.body).startsWith('Invalid Session TTL')
}
