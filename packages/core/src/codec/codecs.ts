import { RpcxError } from '../errors.ts'
import type { Codec } from './codec.ts'
import { json } from './json.ts'
import { msgpack } from './msgpack.ts'
import { raw } from './raw.ts'

/** The codecs of one client or server: raw, JSON and MessagePack, and what its user added. */
export class Codecs {
  readonly #byId: (Codec | undefined)[] = []

  /** @throws RangeError when an id is not 0–15. A codec of the user's replaces ours of the same id. */
  constructor(more: readonly Codec[] = []) {
    for (const codec of [raw, json, msgpack, ...more]) {
      if (!Number.isInteger(codec.id) || codec.id < 0 || codec.id > 15) {
        throw new RangeError(`codecs: the id of ${codec.name} is ${codec.id}, not an integer from 0 to 15`)
      }
      this.#byId[codec.id] = codec
    }
  }

  /** @throws `ERR_RPCX_CODEC` with Go's text when there is none */
  byId(id: number): Codec {
    const codec = this.#byId[id]
    if (codec === undefined) throw new RpcxError('ERR_RPCX_CODEC', `can not find codec for ${id}`)
    return codec
  }

  /** @throws TypeError that lists the names when there is none */
  byName(name: string): Codec {
    const codec = this.#byId.find(known => known?.name === name)
    if (codec !== undefined) return codec
    const names = this.#byId.flatMap(known => (known === undefined ? [] : [known.name]))
    throw new TypeError(`codec: ${JSON.stringify(name)} is none of ${names.join(', ')}`)
  }
}
