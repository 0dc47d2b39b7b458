import type { CallSource, IncomingCall } from '../call/incoming-call.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { checkCount } from '../options.ts'
import type { CallLimits } from './origin.ts'
import type { RateLimitHost } from './rate-limit.ts'
import { RateLimit } from './rate-limit.ts'
import type { ServerOptions } from './server-options.ts'

type AdmissionOptions = Pick<
  ServerOptions,
  | 'maxConcurrentCalls'
  | 'maxConcurrentCallsPerConnection'
  | 'maxQueuedCalls'
  | 'maxHeldBytes'
  | 'maxHeldBytesPerConnection'
  | 'maxQueuedBytes'
  | 'rateLimit'
  | 'authenticate'
>

/**
 * Decides for each call whether it runs, waits, or fails with `ERR_RPCX_NOT_EXECUTED`, so that the server stays within its limits under any
 * load. Connections with waiting calls take turns.
 */
export class Admission implements CallLimits {
  readonly #clock: Clock
  readonly #maxConcurrent: number
  readonly #maxPerConnection: number
  readonly #maxQueued: number
  readonly #maxHeldBytes: number
  readonly #maxHeldBytesPerConnection: number
  readonly #maxQueuedBytes: number
  readonly #rateLimit: RateLimit | undefined
  readonly #queues = new Map<CallSource, Queue>()
  /** Whether the server has the option `authenticate`. */
  readonly #asksFirst: boolean
  /** The number and the bytes of calls for which `authenticate` has not settled. */
  #asked = 0
  #askedBytes = 0
  #running = 0
  #heldBytes = 0
  #waiting = 0
  #waitingBytes = 0
  /** The time at which a call last ended while others waited, by the clock, and the average time between two such ends. */
  #endedAt: number | undefined
  #turnMs = 0

  /** @throws RangeError or TypeError that names the option */
  constructor(clock: Clock, options: AdmissionOptions, host: RateLimitHost) {
    const {
      maxConcurrentCalls = 10_000,
      maxConcurrentCallsPerConnection = maxConcurrentCalls,
      maxQueuedCalls = 1_000,
      maxHeldBytes = 256 * MIB,
      maxHeldBytesPerConnection = Math.ceil(maxHeldBytes / 4),
      maxQueuedBytes = 64 * MIB,
      rateLimit,
      authenticate,
    } = options
    this.#clock = clock
    this.#asksFirst = authenticate !== undefined
    this.#maxConcurrent = checkCount('Server', 'maxConcurrentCalls', maxConcurrentCalls, 1)
    this.#maxPerConnection = checkCount(
      'Server',
      'maxConcurrentCallsPerConnection',
      maxConcurrentCallsPerConnection,
      1,
    )
    this.#maxQueued = checkCount('Server', 'maxQueuedCalls', maxQueuedCalls)
    this.#maxHeldBytes = checkCount('Server', 'maxHeldBytes', maxHeldBytes, 1)
    this.#maxHeldBytesPerConnection = checkCount(
      'Server',
      'maxHeldBytesPerConnection',
      maxHeldBytesPerConnection,
      1,
    )
    this.#maxQueuedBytes = checkCount('Server', 'maxQueuedBytes', maxQueuedBytes)
    this.#rateLimit = rateLimit && new RateLimit(clock, rateLimit, host)
  }

  /** The number of asynchronous calls that run, and of calls that wait for `authenticate`. */
  get running(): number {
    return this.#running + this.#asked
  }

  get waiting(): number {
    return this.#waiting
  }

  /** The memory of running calls in bytes: frames, decompressed payloads, decoded values. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Returns the number of waiting calls of a connection. */
  waitingOf(source: CallSource): number {
    return this.#queues.get(source)?.calls.length ?? 0
  }

  /** Runs a call now or queues it. @throws `ERR_RPCX_NOT_EXECUTED` */
  enter(source: CallSource, call: IncomingCall): void {
    if (!call.isKnown && (!this.#asksFirst || this.#rateLimit?.countsStrangers === true)) this.#take(call)
    const isFree = this.#hasRoom() && this.#mayRun(source)
    if (isFree && (this.#waiting === 0 || !this.#queues.has(source))) source.run(call)
    else this.#queue(source, call)
  }

  /** Counts a call for the rate limit once its caller is authenticated. @throws `ERR_RPCX_NOT_EXECUTED` */
  known(call: IncomingCall): void {
    if (this.#rateLimit?.countsStrangers === false) this.#take(call)
  }

  /** Counts a call for which `authenticate` returned a promise, apart from running calls. @throws `ERR_RPCX_NOT_EXECUTED` */
  asking(bytes: number): void {
    if (this.#asked >= this.#maxConcurrent || this.#askedBytes + bytes > this.#maxHeldBytes)
      throw refusal('too many clients are not authenticated yet')
    this.#asked++
    this.#askedBytes += bytes
  }

  asked(bytes: number): void {
    this.#asked--
    this.#askedBytes -= bytes
  }

  /** Counts an asynchronous call that begins and holds `bytes` until it ends. */
  began(bytes: number): void {
    this.#running++
    this.#heldBytes += bytes
  }

  ended(bytes: number): void {
    this.#running--
    this.#heldBytes -= bytes
    if (this.#waiting === 0) return
    const now = this.#clock.now()
    if (this.#endedAt !== undefined) {
      const ms = now - this.#endedAt
      this.#turnMs += (ms - this.#turnMs) / (this.#turnMs === 0 ? 1 : 16)
    }
    this.#endedAt = now
    this.advance()
  }

  /** Runs waiting calls after a call has ended or a connection reads again. */
  advance(): void {
    // A connection whose call ran moves to the end of the map, where this loop reaches it again. A connection at its limit keeps its place.
    for (const [source, queue] of this.#queues) {
      if (!this.#hasRoom()) return
      const call = this.#mayRun(source) ? queue.calls.shift() : undefined
      if (call === undefined) continue
      this.#queues.delete(source)
      if (queue.calls.length > 0) this.#queues.set(source, queue)
      this.#left(queue, call)
      const { remainingMs } = call
      if (remainingMs !== undefined && remainingMs <= 0) source.refuse(call, refusal('its deadline passed'))
      else source.run(call)
    }
  }

  /** Drops the waiting calls of a connection that has closed. */
  forget(source: CallSource): void {
    const queue = this.#queues.get(source)
    if (queue === undefined) return
    this.#queues.delete(source)
    for (const call of queue.calls) this.#left(queue, call)
  }

  #take(call: IncomingCall): void {
    if (this.#rateLimit?.takes(call) === false) throw refusal('too many calls a second')
  }

  #mayRun(source: CallSource): boolean {
    return (
      source.inFlight < this.#maxPerConnection &&
      source.heldBytes < this.#maxHeldBytesPerConnection &&
      source.isReading
    )
  }

  #hasRoom(): boolean {
    return this.#running < this.#maxConcurrent && this.#heldBytes < this.#maxHeldBytes
  }

  #queue(source: CallSource, call: IncomingCall): void {
    const { byteLength, remainingMs } = call
    const waitMs = (this.#waiting + 1) * this.#turnMs
    if (remainingMs !== undefined && waitMs > remainingMs) {
      throw refusal(`its turn would come in ${Math.round(waitMs)} ms, after its deadline`)
    }
    // The server has stopped reading from a connection whose client does not read. Its calls in the last chunk are few, and need no limit.
    if (source.isReading) {
      while (this.#waiting >= this.#maxQueued) this.#makeRoom(source, queue => queue.calls.length, 1)
      while (this.#waitingBytes + byteLength > this.#maxQueuedBytes)
        this.#makeRoom(source, queue => queue.bytes, byteLength)
    }
    let queue = this.#queues.get(source)
    if (queue === undefined) {
      queue = { calls: [], bytes: 0 }
      this.#queues.set(source, queue)
    }
    queue.calls.push(call)
    queue.bytes += byteLength
    this.#waiting++
    this.#waitingBytes += byteLength
  }

  /** Refuses the newest call of the connection with the most queued. Throws if that is the connection of the new call. */
  #makeRoom(source: CallSource, measure: (queue: Queue) => number, more: number): void {
    const own = this.#queues.get(source)
    let longest: [CallSource, Queue] | undefined
    let most = (own === undefined ? 0 : measure(own)) + more
    for (const entry of this.#queues) {
      if (measure(entry[1]) <= most) continue
      longest = entry
      most = measure(entry[1])
    }
    const call = longest?.[1].calls.pop()
    if (longest === undefined || call === undefined) throw refusal('too many calls')
    const [owner, queue] = longest
    if (queue.calls.length === 0) this.#queues.delete(owner)
    this.#left(queue, call)
    owner.refuse(call, refusal('too many calls'))
  }

  #left(queue: Queue, { byteLength }: IncomingCall): void {
    queue.bytes -= byteLength
    this.#waiting--
    this.#waitingBytes -= byteLength
    if (this.#waiting > 0) return
    // The measurements do not apply to the next overload.
    this.#endedAt = undefined
    this.#turnMs = 0
  }
}

/** The waiting calls of one connection, and the bytes of their frames. */
interface Queue {
  readonly calls: IncomingCall[]
  bytes: number
}

const MIB = 1024 * 1024

function refusal(why: string): RpcxError {
  return new RpcxError('ERR_RPCX_NOT_EXECUTED', `rpcx: the server is overloaded: ${why}`)
}
