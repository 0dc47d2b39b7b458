import type { CallHolder } from '../../peer/pending-call.ts'
import type { Call } from './call.ts'

/** Calls that wait for the same event: a list of servers, a connection or a token. */
export class PendingQueue implements CallHolder, Iterable<Call> {
  readonly #calls = new Set<Call>()

  get size(): number {
    return this.#calls.size
  }

  add(call: Call): void {
    if (!call.keepArguments()) return
    call.holder = this
    this.#calls.add(call)
  }

  forget(call: Call): void {
    this.#calls.delete(call)
  }

  /** Removes and returns all calls, or those for which `isMeant` returns `true`. */
  release(isMeant: (call: Call) => boolean = () => true): Call[] {
    const calls = [...this.#calls].filter(isMeant)
    for (const call of calls) {
      this.#calls.delete(call)
      call.holder = undefined
    }
    return calls
  }

  [Symbol.iterator](): Iterator<Call> {
    return this.#calls.values()
  }
}
