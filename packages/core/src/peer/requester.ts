import { NO_METADATA } from '../call-metadata.ts'
import type { Clock } from '../clock.ts'
import { decodeDetails } from '../codec/error-details.ts'
import { RpcxError } from '../errors.ts'
import { reasonOf } from '../reason.ts'
import type { FrameStream } from '../transport/frame-stream.ts'
import { compress, decompress } from '../wire/compress.ts'
import type { OversizedFrame } from '../wire/frame-decoder.ts'
import { oversizedError } from '../wire/frame-decoder.ts'
import type { Seq } from '../wire/header.ts'
import { Flag } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import { errorOf } from '../wire/reply-error.ts'
import { Latency } from './latency.ts'
import type { CallHolder, PendingCall } from './pending-call.ts'
import { PendingReplies } from './pending-replies.ts'

/** Who decides what becomes of a call that failed without the method's doing. */
export interface RequesterOwner<C extends PendingCall> {
  /** The address of the other end, for errors. */
  readonly remoteAddress: string
  /** `mayHaveRun`: the other end may have got it. */
  failed(call: C, error: RpcxError, mayHaveRun: boolean): void
  /** The other end answered a call with an error that is no refusal to run it; the call has ended. */
  erred?(error: RpcxError): void
  /** After `retire`: no call waits any more. */
  idle?(): void
}

/** The calls that one end of a connection makes of the other, told apart by their `seq`. */
export class Requester<C extends PendingCall> implements CallHolder {
  readonly #stream: FrameStream
  readonly #maxFrameBytes: number
  readonly #owner: RequesterOwner<C>
  readonly #pending = new PendingReplies<C>()
  readonly #latency: Latency
  #seq = 0
  #isRetiring = false
  /** How many replies came, those of failed calls included, and how many of them for calls that had ended. */
  replies = 0
  lateReplies = 0

  /** @param maxFrameBytes the most that the payload of a reply may become when it is decompressed */
  constructor(stream: FrameStream, maxFrameBytes: number, owner: RequesterOwner<C>) {
    this.#stream = stream
    this.#latency = new Latency(stream.clock)
    this.#maxFrameBytes = maxFrameBytes
    this.#owner = owner
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** The calls that wait for their reply. */
  get calls(): Iterable<C> {
    return this.#pending
  }

  /** When the last bytes came, by the clock. */
  get heardAt(): number {
    return this.#stream.hasRead ? this.#stream.lastReadAt : Number.NEGATIVE_INFINITY
  }

  /** How long calls take of late, in milliseconds; `undefined` when that is not known. */
  get latencyMs(): number | undefined {
    return this.#latency.ms
  }

  /** The number of the next message that is to be answered. */
  nextSeq(): number {
    return this.#seq++
  }

  send(call: C): void {
    let payload: Uint8Array
    try {
      payload = call.payload()
    } catch (error) {
      call.fail(error)
      return
    }
    const { isOneway } = call
    const zip = call.zips(payload)
    call.seq = this.#seq++
    const flags = (isOneway ? Flag.oneway : 0) | (zip ? Flag.gzip : 0)
    call.message = this.#stream.send(
      call,
      flags,
      zip ? compress(payload) : payload,
      timeoutOf(call, this.#stream.clock),
    )
    if (isOneway) {
      call.succeed(undefined, NO_METADATA)
      return
    }
    call.holder = this
    this.#pending.add(call)
    this.#latency.sent(call.seq)
  }

  /** A late reply is then dropped. Go has no frame that cancels a call. */
  forget(call: C): void {
    this.#pending.take(call.seq)
    this.#latency.ended(call.seq, this.#stream.clock.now())
    if (this.#isRetiring) this.#checkIdle()
  }

  replied(message: Message): void {
    const call = this.#take(message.seq)
    if (call === undefined) return
    this.#answer(call, message)
    if (this.#isRetiring) this.#checkIdle()
  }

  /** The reply is too long to be read: only its call fails. */
  oversized(frame: OversizedFrame): void {
    const call = this.#take(frame.seq)
    if (call === undefined) return
    call.fail(oversizedError(`${call.name}: the reply of ${this.#owner.remoteAddress}`, frame))
    if (this.#isRetiring) this.#checkIdle()
  }

  /** No more calls are made: tells the owner when the last one has ended, at once when none waits. */
  retire(): void {
    this.#isRetiring = true
    this.#checkIdle()
  }

  /** The connection is gone. @param failureOf why a call got no reply */
  abandon(failureOf: (call: C) => RpcxError, nothingRan: boolean): void {
    for (const call of [...this.#pending]) {
      this.#pending.take(call.seq)
      call.holder = undefined
      this.#owner.failed(call, failureOf(call), !nothingRan && this.#stream.wasSent(call.message))
    }
  }

  /** The call that has its reply now; `undefined` when it has ended before. */
  #take(seq: Seq): C | undefined {
    this.replies++
    const call = this.#pending.take(seq)
    if (call === undefined) {
      this.lateReplies++
      return undefined
    }
    call.holder = undefined
    this.#latency.ended(call.seq, this.#stream.lastReadAt)
    return call
  }

  #answer(call: C, message: Message): void {
    if (message.isError) {
      this.#refused(call, inTime(errorOf(message, decodeDetails), call))
      return
    }
    let reply: unknown
    try {
      const payload = decompress(message.payload, message.flags, this.#maxFrameBytes)
      reply = call.decode(message.serialize, payload)
    } catch (cause) {
      const text = `${call.name}: cannot decode the reply: ${reasonOf(cause)}`
      call.fail(new RpcxError('ERR_RPCX_CODEC', text, { cause }))
      return
    }
    call.succeed(reply, call.wantsMetadata ? message.metadata : NO_METADATA)
  }

  #refused(call: C, error: RpcxError): void {
    if (error.code === 'ERR_RPCX_NOT_EXECUTED') {
      this.#owner.failed(call, error, false)
      return
    }
    call.fail(error)
    this.#owner.erred?.(error)
  }

  #checkIdle(): void {
    if (this.#pending.size === 0) this.#owner.idle?.()
  }
}

/** Who stops at the deadline of the call says so in Go's words, perhaps before we notice ourselves: there is one code for that. */
function inTime(error: RpcxError, { name, timeoutMs }: PendingCall): RpcxError {
  const { metadata, serviceCode } = error
  const isDeadline = error.message === 'context deadline exceeded' && serviceCode === undefined
  if (!isDeadline || timeoutMs === Number.POSITIVE_INFINITY) return error
  return new RpcxError('ERR_RPCX_TIMEOUT', `${name}: ${reasonOf(error)}`, { cause: error, metadata })
}

/** What is left of the deadline now, in whole milliseconds; 0 when there is none. */
function timeoutOf({ deadline, timeoutMs }: PendingCall, clock: Clock): number {
  if (timeoutMs === Number.POSITIVE_INFINITY) return 0
  const left = deadline === Number.POSITIVE_INFINITY ? timeoutMs : deadline - clock.now()
  return Math.max(Math.ceil(left), 1)
}
