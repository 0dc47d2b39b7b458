import type { ReverseCallOptions, ReverseReply } from '../../call/reverse-call-options.ts'
import type { Metadata } from '../../call-metadata.ts'
import { MAX_PAIRS, NO_METADATA } from '../../call-metadata.ts'
import type { Codec } from '../../codec/codec.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { isCounting } from '../../codec/limits.ts'
import { RpcxError } from '../../errors.ts'
import { checkMs } from '../../options.ts'
import type { CallHolder, PendingCall } from '../../peer/pending-call.ts'
import { reasonOf } from '../../reason.ts'
import { endWith } from '../../signals.ts'

/** A call that a server makes of the client of one connection. */
export class ReverseCall implements PendingCall {
  readonly service = ''
  readonly method: string
  readonly metadata: Metadata
  readonly isOneway = false
  readonly wantsMetadata = true
  readonly timeoutMs: number
  readonly deadline: number
  seq = 0
  message = 0
  holder: CallHolder | undefined = undefined
  readonly result: Promise<ReverseReply>
  readonly #args: unknown
  readonly #codec: Codec
  readonly #codecs: Codecs
  readonly #timer: NodeJS.Timeout | undefined
  readonly #release: (() => void) | undefined
  /** What settles `result`, until it has. */
  #ending: Ending | undefined

  /** @throws RangeError or TypeError that names the option; the reason of `signal` */
  constructor(method: string, args: unknown, options: ReverseCallOptions, codecs: Codecs) {
    const { timeoutMs = 10_000, signal, codec = 'msgpack', metadata = NO_METADATA } = options
    checkMs('call', 'timeoutMs', timeoutMs)
    signal?.throwIfAborted()
    this.method = method
    this.metadata = checkMetadata(metadata)
    this.timeoutMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs
    this.deadline = performance.now() + this.timeoutMs
    this.#args = args
    this.#codec = codecs.byName(codec)
    this.#codecs = codecs
    this.result = new Promise((resolve, reject) => {
      this.#ending = { resolve, reject }
    })
    // A reply that can be read by then is no late one.
    if (timeoutMs > 0) this.#timer = setTimeout(() => setImmediate(() => this.#expire()), timeoutMs)
    this.#release = signal && endWith(this, signal)
  }

  get name(): string {
    return this.method
  }

  get serialize(): number {
    return this.#codec.id
  }

  payload(): Uint8Array {
    try {
      return this.#codec.encode(this.#args, undefined)
    } catch (cause) {
      const text = `${this.method}: cannot encode the arguments: ${reasonOf(cause)}`
      throw new RpcxError('ERR_RPCX_ARGUMENT', text, { cause })
    }
  }

  zips(): boolean {
    return false
  }

  decode(serialize: number, payload: Uint8Array): unknown {
    const codec = this.#codecs.byId(serialize)
    if (payload.length === 0 && isCounting(codec)) return undefined
    return codec.decode(payload, undefined)
  }

  succeed(reply: unknown, metadata: Metadata): void {
    this.#end()?.resolve({ reply, metadata })
  }

  fail(error: unknown): void {
    this.#end()?.reject(error)
  }

  #expire(): void {
    const text = `${this.method}: no reply from the client within ${this.timeoutMs} ms`
    this.fail(new RpcxError('ERR_RPCX_TIMEOUT', text))
  }

  #end(): Ending | undefined {
    const ending = this.#ending
    if (ending === undefined) return undefined
    this.#ending = undefined
    clearTimeout(this.#timer)
    this.#release?.()
    this.holder?.forget(this)
    this.holder = undefined
    return ending
  }
}

interface Ending {
  resolve(reply: ReverseReply): void
  reject(error: unknown): void
}

/** @throws TypeError or RangeError when they cannot be sent */
function checkMetadata(metadata: Metadata): Metadata {
  let pairs = 0
  for (const key in metadata) {
    if (typeof metadata[key] !== 'string')
      throw new TypeError(`call: metadata.${key} is ${typeof metadata[key]}, not a text`)
    if (++pairs >= MAX_PAIRS)
      throw new RpcxError('ERR_RPCX_ARGUMENT', `call: metadata has more than ${MAX_PAIRS - 1} keys`)
  }
  return metadata
}
