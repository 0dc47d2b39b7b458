import type { Metadata } from '../call-metadata.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { isRpcxErrorCode, RpcxError } from '../errors.ts'
import type { DeclaredError } from '../service-error.ts'
import { isServiceCode } from '../service-error.ts'
import { ReservedKey } from './header.ts'
import type { Message } from './message.ts'

/**
 * The error behind a reply whose status is error. Go's servers send a text only; ours a code beside it, and what the service declared.
 * @param decodeDetails makes nothing of what a peer should not have sent
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

/** The metadata of a reply whose status is error, as `errorOf` reads them. A text of megabytes helps nobody and is cut. */
export function errorMetadata(code: RpcxErrorCode, text: string, declared?: DeclaredError): Metadata {
  return {
    [ReservedKey.error]: text.slice(0, LONGEST_TEXT),
    [ReservedKey.code]: code,
    ...(declared !== undefined && { [ReservedKey.serviceCode]: declared.code }),
    ...(declared?.details !== undefined && { [ReservedKey.details]: declared.details }),
  }
}

/** How many keys that are, at most. */
export const ERROR_PAIRS = 4

/** What Go's server says of its own accord (server/server.go); all else is the service's. */
function codeOf(text: string): RpcxErrorCode {
  if (text.startsWith("rpcx: can't find service ")) return 'ERR_RPCX_SERVICE_NOT_FOUND'
  if (text.startsWith("rpcx: can't find method ")) return 'ERR_RPCX_METHOD_NOT_FOUND'
  if (text.startsWith('can not find codec for ')) return 'ERR_RPCX_CODEC'
  return 'ERR_RPCX_SERVICE'
}

const LONGEST_TEXT = 16 * 1024
