import type { RpcxErrorCode } from '../errors.ts'
import { isRpcxErrorCode, RpcxError } from '../errors.ts'
import { ReservedKey } from './header.ts'
import type { Message } from './message.ts'
import type { Metadata } from './pairs.ts'

/** The error behind a reply whose status is error. Go's servers send a text only; ours a code beside it. */
export function errorOf(reply: Message): RpcxError {
  const { [ReservedKey.error]: text = '', [ReservedKey.code]: code, ...metadata } = reply.metadata
  const message =
    text === '' ? `${reply.service}.${reply.method}: the service failed without saying why` : text
  return new RpcxError(isRpcxErrorCode(code) ? code : codeOf(text), message, { metadata })
}

/** The metadata of a reply whose status is error, as `errorOf` reads them. A text of megabytes helps nobody and is cut. */
export function errorMetadata(code: RpcxErrorCode, text: string): Metadata {
  return { [ReservedKey.error]: text.slice(0, LONGEST_TEXT), [ReservedKey.code]: code }
}

/** What Go's server says of its own accord (server/server.go); all else is the service's. */
function codeOf(text: string): RpcxErrorCode {
  if (text.startsWith("rpcx: can't find service ")) return 'ERR_RPCX_SERVICE_NOT_FOUND'
  if (text.startsWith("rpcx: can't find method ")) return 'ERR_RPCX_METHOD_NOT_FOUND'
  if (text.startsWith('can not find codec for ')) return 'ERR_RPCX_CODEC'
  return 'ERR_RPCX_SERVICE'
}

const LONGEST_TEXT = 16 * 1024
