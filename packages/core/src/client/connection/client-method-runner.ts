import { CallReceiver } from '../../call/call-receiver.ts'
import { textsOf } from '../../call/reply-metadata.ts'
import type { Metadata } from '../../call-metadata.ts'
import { checkMetadata, NO_METADATA } from '../../call-metadata.ts'
import { isThenable, toError } from '../../callbacks.ts'
import type { Clock } from '../../clock.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { declaredError } from '../../codec/error-details.ts'
import type { RpcxErrorCode } from '../../errors.ts'
import { codeOf, RpcxError } from '../../errors.ts'
import type { RpcxSource } from '../../peer/rpcx-call.ts'
import { RpcxCall } from '../../peer/rpcx-call.ts'
import type { FrameStream } from '../../transport/frame-stream.ts'
import type { Message } from '../../wire/message.ts'
import type { Types } from '../call/schema.ts'
import type { ClientMethod, ClientMethodTable } from './client-methods.ts'

/** The part of a client's connection that is needed to answer calls of the server. */
export interface AnsweringPeer {
  readonly stream: FrameStream
  isFull(bytes: number): boolean
  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean
}

/** Answers the calls that a server makes over one connection of a client, within the limits of `ClientMethodsOptions`. Never throws. */
export class ClientMethodRunner extends CallReceiver implements RpcxSource {
  readonly remoteAddress: string
  readonly #table: ClientMethodTable
  readonly #peer: AnsweringPeer

  constructor(table: ClientMethodTable, peer: AnsweringPeer, remoteAddress: string) {
    super()
    this.remoteAddress = remoteAddress
    this.#table = table
    this.#peer = peer
  }

  get clock(): Clock {
    return this.#peer.stream.clock
  }

  get codecs(): Codecs {
    return this.#table.options.codecs
  }

  get maxFrameBytes(): number {
    return this.#table.options.maxFrameBytes
  }

  get lastReadAt(): number {
    return this.#peer.stream.lastReadAt
  }

  /** Runs or rejects a call of the server. @param message a message that may be kept: its buffer is not reused */
  take(message: Message): void {
    if (this.#peer.isFull(0)) {
      this.#cutOff()
      return
    }
    const call = new RpcxCall<ClientMethodRunner>(message, this)
    const { maxConcurrent, maxHeldBytes } = this.#table.options
    if (this.inFlight < maxConcurrent && this.heldBytes <= maxHeldBytes) this.#run(call)
    else this.#fail(call, new RpcxError('ERR_RPCX_NOT_EXECUTED', TOO_MANY), 'ERR_RPCX_NOT_EXECUTED')
  }

  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean {
    if (this.#peer.reply(request, status, metadata, payload)) return true
    this.#cutOff()
    return false
  }

  broken(error: Error): void {
    this.#peer.stream.flush()
    this.#peer.stream.destroy(error)
  }

  closed(cause: Error | undefined): void {
    const text = `offers: the connection to ${this.remoteAddress} is gone`
    this.abortAll(new RpcxError('ERR_RPCX_CLOSED', text, { cause }))
  }

  #run(call: ServerCall): void {
    let run: ClientMethod
    let args: unknown
    try {
      run = this.#table.find(call.method)
      args = call.args(this.#typesOf(call)?.args)
    } catch (error) {
      this.#fail(call, error, codeOf(error))
      return
    }
    try {
      const result = run(args as never, call)
      if (isThenable(result)) void this.#await(call, result)
      else this.#succeed(call, result)
    } catch (error) {
      this.#fail(call, error, 'ERR_RPCX_SERVICE')
    }
  }

  async #await(call: ServerCall, promise: PromiseLike<unknown>): Promise<void> {
    this.began(call.hold())
    try {
      this.#succeed(call, await promise)
    } catch (error) {
      this.#fail(call, error, 'ERR_RPCX_SERVICE')
    } finally {
      this.ended(call.release())
    }
  }

  #succeed(call: ServerCall, result: unknown): void {
    call.end()
    // The connection is closed, so no reply can be sent.
    if (this.gone !== undefined) return
    const metadata = call.replyMetadata ?? NO_METADATA
    try {
      checkMetadata('responseMetadata', metadata)
      call.answer(result, this.#typesOf(call)?.reply, metadata)
    } catch (error) {
      this.#fail(call, error, codeOf(error))
    }
  }

  #fail(call: ServerCall, thrown: unknown, code: RpcxErrorCode): void {
    call.end()
    const { method } = call
    const declared = declaredError(thrown, error =>
      this.#table.options.failed(`ServiceError of offers.${method}`, error),
    )
    const { message } = toError(thrown, method)
    call.fail({ code, message, declared }, textsOf(call.replyMetadata))
  }

  #typesOf({ method }: ServerCall): Types[string] | undefined {
    return this.#table.options.types[method]
  }

  #cutOff(): void {
    const text = `the server leaves unread more answers to its calls than maxBufferedBytes ${this.#table.options.maxHeldBytes} allows`
    this.#peer.stream.destroy(new RpcxError('ERR_RPCX_UNAVAILABLE', text))
  }
}

type ServerCall = RpcxCall<ClientMethodRunner>

const TOO_MANY = 'rpcx: the client has too many calls of its server to answer'
