import type { RpcxErrorCode } from '@rpcx/core'
import { isRpcxError } from '@rpcx/core'

/** That may be thrown: an `RpcxError` with this code, with a text that says something. */
export function only(code: RpcxErrorCode): (error: unknown) => boolean {
  return error => isRpcxError(error, code) && error.message.length > 10
}

export function nothing(): boolean {
  return false
}
