import { NO_METADATA } from '../../call-metadata.ts'
import type { CallbackFailed } from '../../callbacks.ts'
import { toError } from '../../callbacks.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { declaredError } from '../../codec/error-details.ts'
import { decodedBytes } from '../../codec/limits.ts'
import type { RpcxErrorCode } from '../../errors.ts'
import { isRpcxError, RpcxError } from '../../errors.ts'
import type { FrameStream } from '../../transport/frame-stream.ts'
import { decompress } from '../../wire/compress.ts'
import { Flag } from '../../wire/header.ts'
import type { Message } from '../../wire/message.ts'
import { errorMetadata } from '../../wire/reply-error.ts'

/** What a client lets its servers call, by name. */
export type ClientMethods = Readonly<Record<string, (args: never) => unknown>>

export interface ClientMethodsOptions {
  readonly codecs: Codecs
  readonly maxFrameBytes: number
  /** What the calls of one server may hold, and what may wait for it to read, in bytes. */
  readonly maxBufferedBytes: number
  /** What an error of theirs says cannot be sent. */
  readonly failed: CallbackFailed
}

/** The functions that a client offers to its servers. */
export class ClientMethodTable {
  readonly #functions: ReadonlyMap<string, (args: never) => unknown>
  readonly #options: ClientMethodsOptions

  /** @throws TypeError when what is offered is no function */
  constructor(offers: ClientMethods, options: ClientMethodsOptions) {
    for (const [name, offer] of Object.entries(offers)) {
      if (typeof offer !== 'function')
        throw new TypeError(`XClient: offers.${name} is ${typeof offer}, not a function`)
    }
    this.#functions = new Map(Object.entries(offers))
    this.#options = options
  }

  /** The calls that come over one connection. */
  over(stream: FrameStream): ClientMethodRunner {
    return new ClientMethodRunner(this.#functions, this.#options, stream)
  }
}

/** Answers the calls that a server makes over one connection of a client, within what they may hold. */
export class ClientMethodRunner {
  readonly #functions: ReadonlyMap<string, (args: never) => unknown>
  readonly #options: ClientMethodsOptions
  readonly #stream: FrameStream
  #heldBytes = 0
  #running = 0

  constructor(
    functions: ReadonlyMap<string, (args: never) => unknown>,
    options: ClientMethodsOptions,
    stream: FrameStream,
  ) {
    this.#functions = functions
    this.#options = options
    this.#stream = stream
  }

  serve(message: Message): void {
    const { maxBufferedBytes } = this.#options
    if (this.#isUnread(0)) this.#cutOff()
    else if (this.#heldBytes > maxBufferedBytes || this.#running >= MAX_RUNNING)
      this.#fail(message, 'ERR_RPCX_NOT_EXECUTED', TOO_MANY)
    // It never rejects.
    else void this.#run(message)
  }

  async #run(message: Message): Promise<void> {
    const { codecs, maxFrameBytes } = this.#options
    let code: RpcxErrorCode = 'ERR_RPCX_METHOD_NOT_FOUND'
    let moreBytes = 0
    this.#running++
    this.#heldBytes += message.size
    try {
      const run = this.#functions.get(message.method)
      if (run === undefined) throw new Error(`rpcx: can't find method ${message.method}`)
      code = 'ERR_RPCX_ARGUMENT'
      const codec = codecs.byId(message.serialize)
      const sent = message.payload
      const payload = decompress(sent, message.flags, maxFrameBytes)
      const args = codec.decode(payload, undefined)
      moreBytes = decodedBytes(codec) + (payload === sent ? 0 : payload.length)
      this.#heldBytes += moreBytes
      code = 'ERR_RPCX_SERVICE'
      const reply = codec.encode(await run(args as never), undefined)
      if (this.#isUnread(reply.length)) this.#cutOff()
      else if (!message.isOneway) this.#stream.reply(message, Flag.response, NO_METADATA, reply)
    } catch (thrown) {
      const error = toError(thrown, message.method)
      const isTooLong = code === 'ERR_RPCX_ARGUMENT' && isRpcxError(error, 'ERR_RPCX_FRAME')
      this.#fail(message, isTooLong ? 'ERR_RPCX_FRAME' : code, thrown)
    } finally {
      this.#running--
      this.#heldBytes -= moreBytes + message.size
    }
  }

  /** Whether the server would leave unread more than it may. */
  #isUnread(bytes: number): boolean {
    return this.#stream.isBlocked && this.#stream.bufferedBytes + bytes > this.#options.maxBufferedBytes
  }

  #cutOff(): void {
    const { maxBufferedBytes } = this.#options
    const text = `the server leaves unread more answers to its calls than maxBufferedBytes ${maxBufferedBytes} allows`
    this.#stream.destroy(new RpcxError('ERR_RPCX_UNAVAILABLE', text))
  }

  #fail(message: Message, code: RpcxErrorCode, thrown: unknown): void {
    const declared = declaredError(thrown, error =>
      this.#options.failed(`ServiceError of offers.${message.method}`, error),
    )
    const { message: text } = toError(thrown, message.method)
    this.#stream.reply(message, Flag.response | Flag.error, errorMetadata(code, text, declared), NOTHING)
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)
const MAX_RUNNING = 1_000
const TOO_MANY = 'rpcx: the client has too many calls of its server to answer'
