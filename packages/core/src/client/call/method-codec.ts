import type { Codec } from '../../codec/codec.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { isCounting } from '../../codec/limits.ts'
import { RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import { COMPRESS_OVER_BYTES } from '../../wire/compress.ts'
import type { Types } from './schema.ts'

export interface MethodCodecOptions {
  readonly service: string
  /** What arguments are encoded by. */
  readonly codec: Codec
  /** What replies may come in. */
  readonly codecs: Codecs
  /** Message types by method. */
  readonly types: Types
  readonly compress: boolean
  /** Whether a call may be sent more than once. */
  readonly repeats: boolean
}

/** What the calls of one service carry over whichever connection: arguments to bytes, and bytes to replies. */
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

  /** @throws RpcxError `ERR_RPCX_ARGUMENT` */
  encode(method: string, args: unknown): Uint8Array {
    try {
      return this.codec.encode(args, this.#options.types[method]?.args)
    } catch (cause) {
      const text = `${this.service}.${method}: cannot encode the arguments: ${reasonOf(cause)}`
      throw new RpcxError('ERR_RPCX_ARGUMENT', text, { cause })
    }
  }

  /** A copy of encoded arguments. Long ones are shared by calls that are given the same, one after the other. */
  keep(payload: Uint8Array): Uint8Array {
    if (payload.length < WORTH_SHARING_BYTES) return Buffer.from(payload)
    const before = this.#kept?.deref()
    if (before?.equals(payload)) return before
    const copy = Buffer.from(payload)
    this.#kept = new WeakRef(copy)
    return copy
  }

  /** Whether arguments of that length are to be compressed. */
  zips({ length }: Uint8Array): boolean {
    return this.#options.compress && length > COMPRESS_OVER_BYTES
  }

  /** By the codec that the reply names, as Go's clients do. @param payload decompressed */
  decode(method: string, serialize: number, payload: Uint8Array): unknown {
    const codec = this.#options.codecs.byId(serialize)
    // Go sends nothing at all when there is nothing to say. Other codecs know what no bytes mean: to protobuf, a message of defaults.
    if (payload.length === 0 && isCounting(codec)) return undefined
    return codec.decode(payload, this.#options.types[method]?.reply)
  }
}

const WORTH_SHARING_BYTES = 16 * 1024
