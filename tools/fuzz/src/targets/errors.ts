import type { RpcxErrorCode } from '@rpcx/core'
import { isRpcxError } from '@rpcx/core'

/** Whether the error is an `RpcxError` with this code and a message. */
export function only(code: RpcxErrorCode): (error: unknown) => boolean {
  return error => isRpcxError(error, code) && error.message.length > 10
}

export function nothing(): boolean {
  return false
}
