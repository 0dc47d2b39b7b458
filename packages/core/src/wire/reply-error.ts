import type { Metadata } from '../call-metadata.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { isRpcxErrorCode, RpcxError } from '../errors.ts'
import type { DeclaredError } from '../service-error.ts'
import { isServiceCode } from '../service-error.ts'
import { ReservedKey } from './header.ts'
import type { Message } from './message.ts'

/**
 * Returns the error of a reply with error status. Go's servers send a message only. Servers of this package add a code, and the code and
 * details of a `ServiceError`.
 * @param decodeDetails returns `undefined` for details that are invalid
 */
export function errorOf(reply: Message, decodeDetails: (text: string | undefined) => unknown): RpcxError {
  const {
    [ReservedKey.error]: text = '',
    [ReservedKey.code]: sent,
    [ReservedKey.serviceCode]: serviceCode,
    [ReservedKey.details]: details,
    ...metadata
  } = reply.metadata
  const message =
    text === '' ? `${reply.service}.${reply.method}: the service failed without saying why` : text
  const code = isRpcxErrorCode(sent) ? sent : codeOf(text)
  if (code !== 'ERR_RPCX_SERVICE' || !isServiceCode(serviceCode))
    return new RpcxError(code, message, { metadata })
  return new RpcxError(code, message, { metadata, serviceCode, details: decodeDetails(details) })
}

/** Returns the metadata of a reply with error status, which `errorOf` reads. Cuts a long message. */
export function errorMetadata(code: RpcxErrorCode, text: string, declared?: DeclaredError): Metadata {
  return {
    [ReservedKey.error]: text.slice(0, LONGEST_TEXT),
    [ReservedKey.code]: code,
    ...(declared !== undefined && { [ReservedKey.serviceCode]: declared.code }),
    ...(declared?.details !== undefined && { [ReservedKey.details]: declared.details }),
  }
}

/** The maximum number of these keys. */
export const ERROR_PAIRS = 4

/** Returns the code for an error message of Go's server itself (server/server.go). Other messages come from services. */
function codeOf(text: string): RpcxErrorCode {
  if (text.startsWith("rpcx: can't find service ")) return 'ERR_RPCX_SERVICE_NOT_FOUND'
  if (text.startsWith("rpcx: can't find method ")) return 'ERR_RPCX_METHOD_NOT_FOUND'
  if (text.startsWith('can not find codec for ')) return 'ERR_RPCX_CODEC'
  return 'ERR_RPCX_SERVICE'
}

const LONGEST_TEXT = 16 * 1024
