import { isRpcxError, RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'
import { reasonOf } from '../reason.ts'
import { Flag } from './header.ts'

/** The maximum size of a payload that is sent uncompressed, as in Go (protocol/compressor.go, share.go). */
export const COMPRESS_OVER_BYTES = 1024

export function compress(payload: Uint8Array): Uint8Array {
  // Level 1: on a fast network a better ratio costs more time than it saves.
  return lazy.zlib.gzipSync(payload, { level: 1 })
}

/**
 * Decompresses a payload as the compress bits of `flags` say.
 * @throws `ERR_RPCX_FRAME` on an unknown compression, invalid gzip, or more than `maxBytes` after decompression; see `isTooLong`
 */
export function decompress(payload: Buffer, flags: number, maxBytes: number): Buffer {
  const kind = flags & Flag.compress
  if (kind === 0) return payload
  if (kind !== Flag.gzip) throw new RpcxError('ERR_RPCX_FRAME', `frame: unknown compression ${kind >> 2}`)
  try {
    return lazy.zlib.gunzipSync(payload, { maxOutputLength: maxBytes })
  } catch (cause) {
    const text = `frame: gzip payload of ${payload.length} bytes`
    const why = isOutputLimit(cause)
      ? ` is longer than maxFrameBytes ${maxBytes} when it is decompressed`
      : `: ${reasonOf(cause)}`
    throw new RpcxError('ERR_RPCX_FRAME', `${text}${why}`, { cause })
  }
}

/** Returns whether a payload is valid gzip but exceeds the limit. */
export function isTooLong(error: unknown): boolean {
  return isRpcxError(error, 'ERR_RPCX_FRAME') && isOutputLimit(error.cause)
}

function isOutputLimit(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_BUFFER_TOO_LARGE'
}
