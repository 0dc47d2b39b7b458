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

/** Decides what happens to calls that failed for a reason other than their method. */
export interface RequesterOwner<C extends PendingCall> {
  /** The address of the other end, for error messages. */
  readonly remoteAddress: string
  /** Handles a call that got no reply. `mayHaveRun`: whether the other end may have received it. */
  failed(call: C, error: RpcxError, mayHaveRun: boolean): void
  /** Called after a call ended with an error of the other end, unless the other end refused to run it. */
  erred?(error: RpcxError): void
  /** Called after `retire`, when no call waits for a reply. */
  idle?(): void
}

/** The calls from one end of a connection to the other, by `seq`. */
export class Requester<C extends PendingCall> implements CallHolder {
  readonly #stream: FrameStream
  readonly #maxFrameBytes: number
  readonly #owner: RequesterOwner<C>
  readonly #pending = new PendingReplies<C>()
  readonly #latency: Latency
  #seq = 0
  #isRetiring = false
  /** The number of replies, including errors, and how many of them were for calls that had ended. */
  replies = 0
  lateReplies = 0

  /** @param maxFrameBytes the maximum size of a reply's payload after decompression */
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

  /** The time at which the last bytes arrived, by the clock. */
  get heardAt(): number {
    return this.#stream.hasRead ? this.#stream.lastReadAt : Number.NEGATIVE_INFINITY
  }

  /** The recent latency of calls in milliseconds; `undefined` when it is unknown. */
  get latencyMs(): number | undefined {
    return this.#latency.ms
  }

  /** Returns the number of the next message that gets an answer. */
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

  /** Forgets a call that has ended, so that its late reply is dropped. Go's protocol has no frame that cancels a call. */
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

  /** Fails the call of a reply that is too long. The connection stays open. */
  oversized(frame: OversizedFrame): void {
    const call = this.#take(frame.seq)
    if (call === undefined) return
    call.fail(oversizedError(`${call.name}: the reply of ${this.#owner.remoteAddress}`, frame))
    if (this.#isRetiring) this.#checkIdle()
  }

  /** Stops making calls. Calls `idle` of the owner once no call waits, which may be at once. */
  retire(): void {
    this.#isRetiring = true
    this.#checkIdle()
  }

  /** Fails all calls because the connection has closed. @param failureOf returns the error of a call */
  abandon(failureOf: (call: C) => RpcxError, nothingRan: boolean): void {
    for (const call of [...this.#pending]) {
      this.#pending.take(call.seq)
      call.holder = undefined
      this.#owner.failed(call, failureOf(call), !nothingRan && this.#stream.wasSent(call.message))
    }
  }

  /** Removes and returns the call of a reply; `undefined` when the call has ended already. */
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

/**
 * Returns `ERR_RPCX_TIMEOUT` in place of an error with Go's message for an expired deadline, which the other end may notice first. Returns
 * other errors as they are.
 */
function inTime(error: RpcxError, { name, timeoutMs }: PendingCall): RpcxError {
  const { metadata, serviceCode } = error
  const isDeadline = error.message === 'context deadline exceeded' && serviceCode === undefined
  if (!isDeadline || timeoutMs === Number.POSITIVE_INFINITY) return error
  return new RpcxError('ERR_RPCX_TIMEOUT', `${name}: ${reasonOf(error)}`, { cause: error, metadata })
}

/** Returns the rest of the time limit in whole milliseconds, at least 1; 0 when there is no limit. */
function timeoutOf({ deadline, timeoutMs }: PendingCall, clock: Clock): number {
  if (timeoutMs === Number.POSITIVE_INFINITY) return 0
  const left = deadline === Number.POSITIVE_INFINITY ? timeoutMs : deadline - clock.now()
  return Math.max(Math.ceil(left), 1)
}
