import type { ReverseCallOptions } from '../../call/reverse-call-options.ts'
import { NO_METADATA } from '../../call-metadata.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { decodeDetails } from '../../codec/error-details.ts'
import { RpcxError } from '../../errors.ts'
import { checkMs } from '../../options.ts'
import { reasonOf } from '../../reason.ts'
import { endWith } from '../../signals.ts'
import type { FrameStream } from '../../transport/frame-stream.ts'
import { decompress } from '../../wire/compress.ts'
import type { Seq } from '../../wire/header.ts'
import { Serialize } from '../../wire/header.ts'
import type { Message } from '../../wire/message.ts'
import { errorOf } from '../../wire/reply-error.ts'

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** The calls that a server makes to the client of one connection, which has said that it answers them. */
export class ReverseCalls {
  readonly #stream: FrameStream
  readonly #codecs: Codecs
  readonly #maxFrameBytes: number
  readonly #pending = new Map<number, Pending>()
  #seq = 0

  constructor(stream: FrameStream, codecs: Codecs, maxFrameBytes: number) {
    this.#stream = stream
    this.#codecs = codecs
    this.#maxFrameBytes = maxFrameBytes
  }

  /** @throws `RpcxError` by `code`, as a client's call; the reason of `signal` */
  async call(method: string, args: unknown, options: ReverseCallOptions): Promise<unknown> {
    const { timeoutMs = 10_000, signal } = options
    checkMs('call', 'timeoutMs', timeoutMs, 1)
    signal?.throwIfAborted()
    const payload = this.#codecs.byId(Serialize.msgpack).encode(args, undefined)
    const seq = this.#seq++
    let timer: NodeJS.Timeout | undefined
    let release: (() => void) | undefined
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(seq, { resolve, reject })
        const expire = (): void =>
          reject(
            new RpcxError('ERR_RPCX_TIMEOUT', `${method}: no reply from the client within ${timeoutMs} ms`),
          )
        // A reply that can be read by then is no late one.
        timer = setTimeout(() => setImmediate(expire), timeoutMs)
        release = signal && endWith({ fail: reject }, signal)
        const serialize = Serialize.msgpack
        const envelope = { serialize, seq, service: '', method, metadata: NO_METADATA }
        this.#stream.send(envelope, 0, payload, timeoutMs)
      })
    } finally {
      clearTimeout(timer)
      release?.()
      this.#pending.delete(seq)
    }
  }

  answered(message: Message): void {
    const call = this.#pending.get(Number(message.seq))
    if (call === undefined) return
    try {
      if (message.isError) throw errorOf(message, decodeDetails)
      const payload = decompress(message.payload, message.flags, this.#maxFrameBytes)
      call.resolve(this.#codecs.byId(message.serialize).decode(payload, undefined))
    } catch (error) {
      call.reject(error)
    }
  }

  /** The answer to a call is too long to be read. */
  oversized(seq: Seq, error: RpcxError): void {
    this.#pending.get(Number(seq))?.reject(error)
  }

  /** The connection is gone. What was sent may have run. */
  close(cause: Error): void {
    for (const { reject } of this.#pending.values())
      reject(new RpcxError('ERR_RPCX_OUTCOME_UNKNOWN', `call: ${reasonOf(cause)}`, { cause }))
  }
}
