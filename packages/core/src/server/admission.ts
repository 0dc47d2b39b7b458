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
 * Says which calls run now, which wait, and which are turned away with `ERR_RPCX_NOT_EXECUTED`, so that no load makes a
 * server hold more than it was told to. Connections whose calls wait take turns.
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
  /** Whether callers have to be known first. */
  readonly #asksFirst: boolean
  /** Calls for which `authenticate` has not settled, and their bytes. */
  #asked = 0
  #askedBytes = 0
  #running = 0
  #heldBytes = 0
  #waiting = 0
  #waitingBytes = 0
  /** When a call last ended while others waited, by the clock, and how long that takes on average. */
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

  /** Calls that run and are not done at once, those included whose caller is being asked about. */
  get running(): number {
    return this.#running + this.#asked
  }

  get waiting(): number {
    return this.#waiting
  }

  /** What calls that run hold, in bytes: what came with them, inflated payloads, decoded values. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** How many calls of that connection wait. */
  waitingOf(source: CallSource): number {
    return this.#queues.get(source)?.calls.length ?? 0
  }

  /** Runs a call now or lets it wait. @throws `ERR_RPCX_NOT_EXECUTED` */
  enter(source: CallSource, call: IncomingCall): void {
    if (!call.isKnown && (!this.#asksFirst || this.#rateLimit?.countsStrangers === true)) this.#take(call)
    const isFree = this.#hasRoom() && this.#mayRun(source)
    if (isFree && (this.#waiting === 0 || !this.#queues.has(source))) source.run(call)
    else this.#queue(source, call)
  }

  /** The caller is known now, where that is asked: takes what its calls may be counted by. @throws `ERR_RPCX_NOT_EXECUTED` */
  known(call: IncomingCall): void {
    if (this.#rateLimit?.countsStrangers === false) this.#take(call)
  }

  /** `authenticate` takes its time. Strangers wait apart from the calls that run. @throws `ERR_RPCX_NOT_EXECUTED` */
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

  /** A call begins that is not done at once, and holds so many bytes until it has ended. */
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

  /** A call has ended, or a connection reads again: runs what waited for that. */
  advance(): void {
    // Who had a turn goes to the end, where this loop comes to it again; who may not run keeps its place.
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

  /** The connection is gone: nobody waits for its calls. */
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
    // Of a connection that does not read, we do not read any more either: these came with the last bytes, and it cannot have many.
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

  /** Refuses the newest call of the connection with the most queued, or the one that comes, when its own connection would have the most. */
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
    // What it took then says nothing about the next time.
    this.#endedAt = undefined
    this.#turnMs = 0
  }
}

/** The calls of one connection that wait, and the bytes of their frames. */
interface Queue {
  readonly calls: IncomingCall[]
  bytes: number
}

const MIB = 1024 * 1024

function refusal(why: string): RpcxError {
  return new RpcxError('ERR_RPCX_NOT_EXECUTED', `rpcx: the server is overloaded: ${why}`)
}
