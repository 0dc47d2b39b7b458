import type { CallHolder } from '../../peer/pending-call.ts'
import type { Call } from './call.ts'

/** Calls that wait for the same event: a list of servers, a connection or a token. */
export class PendingQueue implements CallHolder, Iterable<Call> {
  /** `undefined` while no call waits, as in most queues most of the time. */
  #calls: Set<Call> | undefined

  get size(): number {
    return this.#calls?.size ?? 0
  }

  add(call: Call): void {
    if (!call.keepArguments()) return
    call.holder = this
    this.#calls ??= new Set()
    this.#calls.add(call)
  }

  forget(call: Call): void {
    this.#calls?.delete(call)
    if (this.size === 0) this.#calls = undefined
  }

  /** Removes and returns all calls, or those for which `isMeant` returns `true`. */
  release(isMeant: (call: Call) => boolean = () => true): Call[] {
    const calls = [...this].filter(isMeant)
    for (const call of calls) {
      this.forget(call)
      call.holder = undefined
    }
    return calls
  }

  *[Symbol.iterator](): Iterator<Call> {
    if (this.#calls !== undefined) yield* this.#calls
  }
}
