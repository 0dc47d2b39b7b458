import type { Codec } from '../codec/codec.ts'
import type { Codecs } from '../codec/codecs.ts'
import type { RpcxErrorCode } from '../errors.ts'
import type { FrameStream } from '../transport/frame-stream.ts'
import { decompress } from '../wire/compress.ts'
import { Flag, ReservedKey } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import { NO_METADATA } from '../wire/pairs.ts'

/** What a client lets its servers call, by name. */
export type Offers = Readonly<Record<string, (args: never) => unknown>>

/** Answers the calls that servers make over the connections of a client. */
export class Offered {
  readonly #functions: ReadonlyMap<string, (args: never) => unknown>
  readonly #codecs: Codecs
  readonly #maxFrameBytes: number

  /** @throws TypeError when what is offered is no function */
  constructor(offers: Offers, codecs: Codecs, maxFrameBytes: number) {
    for (const [name, offer] of Object.entries(offers)) {
      if (typeof offer !== 'function')
        throw new TypeError(`XClient: offers.${name} is ${typeof offer}, not a function`)
    }
    this.#functions = new Map(Object.entries(offers))
    this.#codecs = codecs
    this.#maxFrameBytes = maxFrameBytes
  }

  async serve(message: Message, stream: FrameStream): Promise<void> {
    const { method, serialize, flags } = message
    const run = this.#functions.get(method)
    if (run === undefined) {
      fail(message, stream, 'ERR_RPCX_METHOD_NOT_FOUND', `rpcx: can't find method ${method}`)
      return
    }
    let codec: Codec
    let args: unknown
    try {
      codec = this.#codecs.byId(serialize)
      args = codec.decode(decompress(message.payload, flags, this.#maxFrameBytes), undefined)
    } catch (error) {
      fail(message, stream, 'ERR_RPCX_ARGUMENT', (error as Error).message)
      return
    }
    try {
      const payload = codec.encode(await run(args as never), undefined)
      stream.reply(message, Flag.response, NO_METADATA, payload)
    } catch (thrown) {
      fail(message, stream, 'ERR_RPCX_SERVICE', textOf(thrown, method))
    }
  }
}

function fail(message: Message, stream: FrameStream, code: RpcxErrorCode, text: string): void {
  const metadata = { [ReservedKey.error]: text, [ReservedKey.code]: code }
  stream.reply(message, Flag.response | Flag.error, metadata, new Uint8Array(0))
}

/** Anything can be thrown, and not everything has a text. */
function textOf(thrown: unknown, method: string): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    return `${method} failed`
  }
}
