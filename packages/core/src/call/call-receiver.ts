import type { Clock } from '../clock.ts'
import type { AbortableCall, CallHost } from './incoming-call.ts'

/** The end of a connection at which calls come in: counts those that run, and aborts them when the connection goes. */
export abstract class CallReceiver implements CallHost {
  abstract readonly clock: Clock
  abstract readonly remoteAddress: string
  #inFlight = 0
  #heldBytes = 0
  #gone: Error | undefined
  /** Calls to abort when the connection goes. An idle connection has none. */
  #watched: Set<AbortableCall> | undefined

  /** How many of its calls run that are not done at once. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** What they hold, in bytes. */
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

  /** A call has begun that is not done at once and holds so many bytes. */
  began(bytes: number): void {
    this.#inFlight++
    this.#heldBytes += bytes
  }

  ended(bytes: number): void {
    this.#inFlight--
    this.#heldBytes -= bytes
  }

  /** The connection is gone: aborts its calls. To be called once. */
  protected abortAll(reason: Error): void {
    this.#gone = reason
    for (const call of this.#watched ?? []) call.abort(reason)
  }
}
