import { limitOf, metadataOf } from '../../call/parent-call.ts'
import type { ReverseCallOptions, ReverseReply } from '../../call/reverse-call-options.ts'
import type { Metadata } from '../../call-metadata.ts'
import { NO_METADATA } from '../../call-metadata.ts'
import type { Clock, Timer } from '../../clock.ts'
import { MAX_TIMER_MS } from '../../clock.ts'
import type { Codec } from '../../codec/codec.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { isCounting } from '../../codec/limits.ts'
import { RpcxError } from '../../errors.ts'
import { checkKnown, checkMethodName, checkMs } from '../../options.ts'
import type { CallHolder, PendingCall } from '../../peer/pending-call.ts'
import { reasonOf } from '../../reason.ts'
import { validatedNow } from '../../schema.ts'
import { endWith } from '../../signals.ts'
import { MAX_NAMES_BYTES } from '../../wire/message.ts'

/** A call that a server makes to a client over the client's connection. */
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
  readonly #types: NonNullable<ReverseCallOptions['types']>
  readonly #clock: Clock
  readonly #timer: Timer | undefined
  /** Functions that remove the listeners of the signals. */
  readonly #releases: readonly ((() => void) | undefined)[]
  /** The functions that settle `result`; `undefined` once it has settled. */
  #ending: Ending | undefined

  /** @throws RangeError or TypeError that names the option; the reason of `signal` */
  constructor(clock: Clock, method: string, args: unknown, options: ReverseCallOptions, codecs: Codecs) {
    checkKnown('call', options, OPTIONS)
    const { timeoutMs = 10_000, signal, codec = 'msgpack', types = {}, parent } = options
    checkMs('call', 'timeoutMs', timeoutMs)
    checkName(method)
    signal?.throwIfAborted()
    parent?.signal.throwIfAborted()
    this.#clock = clock
    this.method = method
    this.metadata = metadataOf(options, NO_METADATA)
    this.timeoutMs = limitOf(clock, timeoutMs, parent)
    if (this.timeoutMs <= 0) throw this.#late('the deadline of the call that it is made for has passed')
    this.deadline = clock.now() + this.timeoutMs
    this.#args = args
    this.#codec = codecs.byName(codec)
    this.#codecs = codecs
    this.#types = types
    this.result = new Promise((resolve, reject) => {
      this.#ending = { resolve, reject }
    })
    // Reads pending data first, so that a reply which has arrived is not too late.
    const expire = (): void => void setImmediate(() => this.#expire())
    if (this.timeoutMs <= MAX_TIMER_MS) this.#timer = clock.setTimeout(expire, this.timeoutMs)
    this.#releases = [signal, parent?.signal].map(each => each && endWith(this, each))
  }

  get name(): string {
    return this.method
  }

  get serialize(): number {
    return this.#codec.id
  }

  payload(): Uint8Array {
    const { args } = this.#types
    try {
      return this.#codec.encode(validatedNow(args, this.#args), args)
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
    const { reply } = this.#types
    if (payload.length === 0 && isCounting(codec)) return validatedNow(reply, undefined)
    return validatedNow(reply, codec.decode(payload, reply))
  }

  succeed(reply: unknown, metadata: Metadata): void {
    this.#end()?.resolve({ reply, metadata })
  }

  fail(error: unknown): void {
    this.#end()?.reject(error)
  }

  #expire(): void {
    this.fail(this.#late(`no reply from the client within ${Math.round(this.timeoutMs)} ms`))
  }

  #late(why: string): RpcxError {
    return new RpcxError('ERR_RPCX_TIMEOUT', `${this.method}: ${why}`)
  }

  #end(): Ending | undefined {
    const ending = this.#ending
    if (ending === undefined) return undefined
    this.#ending = undefined
    this.#clock.clear(this.#timer)
    for (const release of this.#releases) release?.()
    this.holder?.forget(this)
    this.holder = undefined
    return ending
  }
}

interface Ending {
  resolve(reply: ReverseReply): void
  reject(error: unknown): void
}

/** @throws TypeError or RpcxError when the name cannot be sent: the client would close the connection if it were too long */
function checkName(method: string): void {
  checkMethodName(method)
  if (Buffer.byteLength(method) > MAX_NAMES_BYTES)
    throw new RpcxError(
      'ERR_RPCX_ARGUMENT',
      `call: the name of the method has more than ${MAX_NAMES_BYTES} bytes`,
    )
}

const OPTIONS: Readonly<Record<keyof ReverseCallOptions, true>> = {
  timeoutMs: true,
  signal: true,
  metadata: true,
  codec: true,
  types: true,
  parent: true,
}
