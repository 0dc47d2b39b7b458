import { isThenable, unawaited, wrongResult } from '../callbacks.ts'
import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'
import type { Codec } from './codec.ts'
import { jsonWithin } from './json.ts'
import type { DecodeLimits } from './limits.ts'
import { DECODE_LIMITS } from './limits.ts'
import { msgpackWithin } from './msgpack.ts'
import { raw } from './raw.ts'

/** The codecs of one client or server: raw, JSON, MessagePack, and those of the program. */
export class Codecs {
  readonly #byId: (Codec | undefined)[] = []

  /**
   * Adds the codecs in `more`. Each replaces a built-in codec with the same id.
   * @param limits the limits of the built-in codecs
   * @throws RangeError when an id is not 0 to 15; TypeError when a codec has no `encode` or `decode`
   */
  constructor(more: readonly Codec[] = [], limits: DecodeLimits = DECODE_LIMITS) {
    for (const codec of [raw, jsonWithin(limits), msgpackWithin(limits), ...more]) {
      if (!Number.isInteger(codec.id) || codec.id < 0 || codec.id > 15) {
        throw new RangeError(`codecs: the id of ${codec.name} is ${codec.id}, not an integer from 0 to 15`)
      }
      this.#byId[codec.id] = more.includes(codec) ? guarded(codec) : codec
    }
  }

  /** @throws `ERR_RPCX_CODEC` with Go's message when there is no such codec */
  byId(id: number): Codec {
    const codec = this.#byId[id]
    if (codec === undefined) throw new RpcxError('ERR_RPCX_CODEC', `can not find codec for ${id}`)
    return codec
  }

  /** @throws TypeError with a list of the names when there is no such codec */
  byName(name: string): Codec {
    const codec = this.#byId.find(known => known?.name === name)
    if (codec !== undefined) return codec
    const names = this.#byId.flatMap(known => (known === undefined ? [] : [known.name]))
    throw new TypeError(`codec: ${JSON.stringify(name)} is none of ${names.join(', ')}`)
  }
}

/** Returns a codec that checks the results of a codec of the program: a wrong type would corrupt the frame. */
function guarded(codec: Codec): Codec {
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function')
    throw new TypeError('codecs: a codec has no function encode or decode')
  const { name, id } = codec
  return {
    name,
    id,
    encode(value, type) {
      const bytes: unknown = codec.encode(value, type)
      if (lazy.util.types.isUint8Array(bytes)) return bytes
      throw wrongResult(`codec ${name}: encode`, bytes, 'a Uint8Array')
    },
    decode(bytes, type) {
      const value = codec.decode(bytes, type)
      if (isThenable(value)) throw unawaited(`codec ${name}: decode`, value)
      return value
    },
  }
}
