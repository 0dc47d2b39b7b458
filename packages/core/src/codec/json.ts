import { RpcxError } from '../errors.ts'
import { Serialize } from '../wire/header.ts'
import type { Codec } from './codec.ts'

/** JSON in UTF-8, as Go's `encoding/json` reads it: dates as ISO 8601, bytes as base64. */
export const json: Codec = {
  name: 'json',
  id: Serialize.json,
  encode: value => Buffer.from(JSON.stringify(value, bytesAsBase64) ?? 'null'),
  decode(bytes) {
    try {
      return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
    } catch (cause) {
      // V8 quotes the text, which is nobody's but its sender's to know.
      const why = (cause as Error).message.replace(/, (?:\.{3})?".*is not valid JSON$/s, '')
      throw new RpcxError('ERR_RPCX_CODEC', `json: ${why}`, { cause })
    }
  },
}

// `Buffer` has a `toJSON` that runs before this function: `this` still holds the bytes.
function bytesAsBase64(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key]
  const bytes = original instanceof Uint8Array ? original : value
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64') : value
}
