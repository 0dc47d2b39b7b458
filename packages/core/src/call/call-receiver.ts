import type { Clock } from '../clock.ts'
import type { AbortableCall, CallHost } from './incoming-call.ts'

/** The receiving end of a connection. Counts running calls and aborts them when the connection closes. */
export abstract class CallReceiver implements CallHost {
  abstract readonly clock: Clock
  abstract readonly remoteAddress: string
  #inFlight = 0
  #heldBytes = 0
  #gone: Error | undefined
  /** The calls to abort when the connection closes. `undefined` until there is one, to save memory. */
  #watched: Set<AbortableCall> | undefined

  /** The number of asynchronous calls that run. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** The memory that these calls hold, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get gone(): Error | undefined {
    return this.#gone
  }

  watch(call: AbortableCall): void {
    this.#watched ??= new Set()
    this.#watched.add(call)
  }

  unwatch(call: AbortableCall): void {
    this.#watched?.delete(call)
  }

  /** Counts an asynchronous call that begins and holds `bytes`. */
  began(bytes: number): void {
    this.#inFlight++
    this.#heldBytes += bytes
  }

  ended(bytes: number): void {
    this.#inFlight--
    this.#heldBytes -= bytes
  }

  /** Aborts all calls because the connection has closed. To be called once. */
  protected abortAll(reason: Error): void {
    this.#gone = reason
    for (const call of this.#watched ?? []) call.abort(reason)
  }
}
