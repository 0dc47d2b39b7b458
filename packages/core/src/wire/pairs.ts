import type { Metadata } from '../call-metadata.ts'
import { MAX_PAIRS, NO_METADATA } from '../call-metadata.ts'
import { RpcxError } from '../errors.ts'
import type { Block } from './block.ts'
import { writeText } from './text.ts'

// The metadata in a frame: (u32 length, key, u32 length, value), repeated, in any order.

/** Reads the pairs between two offsets. The object has no prototype, so that no key has a special meaning. */
export function readPairs({ bytes, view }: Block, start: number, end: number): Metadata {
  if (start === end) return NO_METADATA
  const metadata: Record<string, string> = Object.create(null)
  for (let at = start; at < end; ) {
    const key = at + 4
    const value = key + view.getUint32(at) + 4
    at = value + view.getUint32(value - 4)
    metadata[bytes.toString('utf8', key, value - 4)] = bytes.toString('utf8', value, at)
  }
  return metadata
}

/** Returns the value of one ASCII key without reading the others, or `undefined`. Of duplicate keys, the last one counts, as in Go. */
export function findPair(
  { bytes, view }: Block,
  start: number,
  end: number,
  wanted: string,
): string | undefined {
  let found: string | undefined
  for (let at = start; at < end; ) {
    const key = at + 4
    const value = key + view.getUint32(at) + 4
    at = value + view.getUint32(value - 4)
    if (value - 4 - key === wanted.length && isText(bytes, key, wanted))
      found = bytes.toString('utf8', value, at)
  }
  return found
}

/** @throws `ERR_RPCX_FRAME` unless the range consists of complete pairs, at most `MAX_PAIRS` */
export function checkPairs(view: DataView, start: number, end: number): void {
  let part = 'key'
  let parts = 0
  for (let at = start; at < end || part === 'value'; part = part === 'key' ? 'value' : 'key') {
    if (++parts > 2 * MAX_PAIRS)
      throw new RpcxError('ERR_RPCX_FRAME', `frame: more than ${MAX_PAIRS} pairs of metadata`)
    const length = end - at < 4 ? Number.NaN : view.getUint32(at)
    if (!(length <= end - at - 4)) {
      throw new RpcxError(
        'ERR_RPCX_FRAME',
        `frame: a metadata ${part} exceeds the metadata by length ${length}`,
      )
    }
    at += 4 + length
  }
}

/** Returns an upper bound of the bytes that `writePairs` writes. */
export function maxPairBytes(metadata: Metadata): number {
  let bytes = 0
  for (const key in metadata) bytes += 8 + 3 * (key.length + (metadata[key] as string).length)
  return bytes
}

/** Writes all pairs. Returns the offset behind them. */
export function writePairs(block: Block, metadata: Metadata, at: number): number {
  for (const key in metadata) {
    at = writeText(block, key, at)
    at = writeText(block, metadata[key] as string, at)
  }
  return at
}

function isText(bytes: Buffer, at: number, ascii: string): boolean {
  for (let i = 0; i < ascii.length; i++) if (bytes[at + i] !== ascii.charCodeAt(i)) return false
  return true
}
