import type { Codec } from '../../codec/codec.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { isCounting } from '../../codec/limits.ts'
import { RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import { COMPRESS_OVER_BYTES } from '../../wire/compress.ts'
import type { Types } from './schema.ts'

export interface MethodCodecOptions {
  readonly service: string
  /** The codec of arguments. */
  readonly codec: Codec
  /** The codecs that replies may use. */
  readonly codecs: Codecs
  /** Message types by method. */
  readonly types: Types
  readonly compress: boolean
  /** Whether a call may be sent more than once. */
  readonly repeats: boolean
}

/** Encodes the arguments and decodes the replies of one service, on any connection. */
export class MethodCodec {
  readonly service: string
  readonly codec: Codec
  readonly repeats: boolean
  readonly #options: MethodCodecOptions
  #kept: WeakRef<Buffer> | undefined

  constructor(options: MethodCodecOptions) {
    this.service = options.service
    this.codec = options.codec
    this.repeats = options.repeats
    this.#options = options
  }

  /** Encodes the arguments of a method. The bytes are valid until the next call. @throws RpcxError `ERR_RPCX_ARGUMENT` */
  encode(method: string, args: unknown): Uint8Array {
    try {
      return this.codec.encode(args, this.#options.types[method]?.args)
    } catch (cause) {
      const text = `${this.service}.${method}: cannot encode the arguments: ${reasonOf(cause)}`
      throw new RpcxError('ERR_RPCX_ARGUMENT', text, { cause })
    }
  }

  /** Returns a copy of encoded arguments. Successive calls with equal long arguments share one copy. */
  keep(payload: Uint8Array): Uint8Array {
    if (payload.length < WORTH_SHARING_BYTES) return Buffer.from(payload)
    const before = this.#kept?.deref()
    if (before?.equals(payload)) return before
    const copy = Buffer.from(payload)
    this.#kept = new WeakRef(copy)
    return copy
  }

  /** Returns whether to compress arguments of this length. */
  zips({ length }: Uint8Array): boolean {
    return this.#options.compress && length > COMPRESS_OVER_BYTES
  }

  /** Decodes a reply with the codec that the reply names, as Go's clients do. @param payload the decompressed payload */
  decode(method: string, serialize: number, payload: Uint8Array): unknown {
    const codec = this.#options.codecs.byId(serialize)
    // Go sends an empty payload when there is no reply value. Other codecs give it a meaning: in protobuf, a message of defaults.
    if (payload.length === 0 && isCounting(codec)) return undefined
    return codec.decode(payload, this.#options.types[method]?.reply)
  }
}

const WORTH_SHARING_BYTES = 16 * 1024
