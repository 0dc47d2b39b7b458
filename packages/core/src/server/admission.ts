import { RpcxError } from '../errors.ts'
import { checkCount } from '../options.ts'
import type { ServedCall } from './context.ts'
import type { RateLimitHost } from './rate-limit.ts'
import { RateLimit } from './rate-limit.ts'
import type { ServerOptions } from './server-options.ts'

/** A connection whose calls ask to run. */
export interface Caller {
  /** Its calls that run, and what they hold. */
  readonly inFlight: number
  readonly heldBytes: number
  /** Whether it reads its replies. */
  readonly isReading: boolean
  run(call: ServedCall): void
  /** Answers a call that waited in vain. */
  refuse(call: ServedCall, error: RpcxError): void
}

type AdmissionOptions = Pick<
  ServerOptions,
  | 'maxConcurrentCalls'
  | 'maxConcurrentCallsPerConnection'
  | 'maxQueuedCalls'
  | 'maxHeldBytes'
  | 'maxHeldBytesPerConnection'
  | 'maxQueuedBytes'
  | 'rateLimit'
>

/**
 * Says which calls run now, which wait, and which are turned away with `ERR_RPCX_NOT_EXECUTED`, so that no load makes a
 * server hold more than it was told to. Connections whose calls wait take turns.
 */
export class Admission {
  readonly #maxConcurrent: number
  readonly #maxPerConnection: number
  readonly #maxQueued: number
  readonly #maxHeldBytes: number
  readonly #maxHeldBytesPerConnection: number
  readonly #maxQueuedBytes: number
  readonly #rateLimit: RateLimit | undefined
  readonly #queues = new Map<Caller, ServedCall[]>()
  #running = 0
  #heldBytes = 0
  #waiting = 0
  #waitingBytes = 0
  /** When a call last ended while others waited, by `performance.now()`, and how long that takes on average. */
  #endedAt: number | undefined
  #turnMs = 0

  /** @throws RangeError or TypeError that names the option */
  constructor(options: AdmissionOptions, host: RateLimitHost) {
    const {
      maxConcurrentCalls = 10_000,
      maxConcurrentCallsPerConnection = maxConcurrentCalls,
      maxQueuedCalls = 1_000,
      maxHeldBytes = 256 * MIB,
      maxHeldBytesPerConnection = Math.ceil(maxHeldBytes / 4),
      maxQueuedBytes = 64 * MIB,
      rateLimit,
    } = options
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
    this.#rateLimit = rateLimit && new RateLimit(rateLimit, host)
  }

  /** Calls that run and are not done at once. */
  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  /** What calls that run hold, in bytes: what came with them, inflated payloads, decoded values. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** How many calls of that connection wait. */
  waitingOf(caller: Caller): number {
    return this.#queues.get(caller)?.length ?? 0
  }

  /** Runs a call now or lets it wait. @throws `ERR_RPCX_NOT_EXECUTED` */
  enter(caller: Caller, call: ServedCall): void {
    if (this.#rateLimit?.takes(call) === false) throw refusal('too many calls a second')
    const isFree = this.#hasRoom() && this.#mayRun(caller)
    if (isFree && (this.#waiting === 0 || !this.#queues.has(caller))) caller.run(call)
    else this.#queue(caller, call)
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
    const now = performance.now()
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
    for (const [caller, calls] of this.#queues) {
      if (!this.#hasRoom()) return
      const call = this.#mayRun(caller) ? calls.shift() : undefined
      if (call === undefined) continue
      this.#queues.delete(caller)
      if (calls.length > 0) this.#queues.set(caller, calls)
      this.#left([call])
      const { remainingMs } = call
      if (remainingMs !== undefined && remainingMs <= 0) caller.refuse(call, refusal('its deadline passed'))
      else caller.run(call)
    }
  }

  /** The connection is gone: nobody waits for its calls. */
  forget(caller: Caller): void {
    this.#left(this.#queues.get(caller) ?? [])
    this.#queues.delete(caller)
  }

  #mayRun(caller: Caller): boolean {
    return (
      caller.inFlight < this.#maxPerConnection &&
      caller.heldBytes < this.#maxHeldBytesPerConnection &&
      caller.isReading
    )
  }

  #hasRoom(): boolean {
    return this.#running < this.#maxConcurrent && this.#heldBytes < this.#maxHeldBytes
  }

  #queue(caller: Caller, call: ServedCall): void {
    const calls = this.#queues.get(caller)
    const isTooMuch = this.#waiting >= this.#maxQueued || this.#waitingBytes >= this.#maxQueuedBytes
    // Of a connection that does not read, we do not read any more either: these came with the last bytes, and it cannot have many.
    if (isTooMuch && caller.isReading) this.#makeRoom(calls?.length ?? 0)
    const waitMs = (this.#waiting + 1) * this.#turnMs
    const { remainingMs } = call
    if (remainingMs !== undefined && waitMs > remainingMs) {
      throw refusal(`its turn would come in ${Math.round(waitMs)} ms, after its deadline`)
    }
    if (calls === undefined) this.#queues.set(caller, [call])
    else calls.push(call)
    this.#waiting++
    this.#waitingBytes += call.message.hold()
  }

  /** Who waits with much makes room for who waits with little: the newest call of the longest queue goes. */
  #makeRoom(length: number): void {
    let longest: Caller | undefined
    let most = length + 1
    for (const [caller, calls] of this.#queues) {
      if (calls.length <= most) continue
      longest = caller
      most = calls.length
    }
    const call = longest && this.#queues.get(longest)?.pop()
    if (call === undefined) throw refusal('too many calls')
    this.#left([call])
    longest?.refuse(call, refusal('too many calls'))
  }

  #left(calls: readonly ServedCall[]): void {
    this.#waiting -= calls.length
    for (const call of calls) this.#waitingBytes -= call.message.release()
    if (this.#waiting > 0) return
    // What it took then says nothing about the next time.
    this.#endedAt = undefined
    this.#turnMs = 0
  }
}

const MIB = 1024 * 1024

function refusal(why: string): RpcxError {
  return new RpcxError('ERR_RPCX_NOT_EXECUTED', `rpcx: the server is overloaded: ${why}`)
}
