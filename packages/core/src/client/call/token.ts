import { isThenable } from '../../callbacks.ts'
import { RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import { inRoot } from '../../root.ts'
import { ReservedKey } from '../../wire/header.ts'
import type { Call } from './call.ts'
import { PendingQueue } from './pending-queue.ts'

/** A token that is asked for before each call, so that it can be renewed. Calls that start while one is asked for share the answer. */
export class Token {
  readonly #ask: () => string | Promise<string>
  readonly #waiting = new PendingQueue()
  #isAsking = false
  /** The newest one: another's answer comes too late. */
  #question: object | undefined

  constructor(ask: () => string | Promise<string>) {
    this.#ask = ask
  }

  /** Calls that wait for it. */
  get calls(): Iterable<Call> {
    return this.#waiting
  }

  /** Hands the call on once it has its token; it fails with `ERR_RPCX_AUTH` when there is none to be had. */
  attach(call: Call, next: (call: Call) => void): void {
    // Nobody waits for a question any more that was not answered within a deadline.
    if (!this.#isAsking || this.#waiting.size === 0) {
      let token: unknown
      let isPromise: boolean
      try {
        token = this.#ask()
        isPromise = isThenable(token)
      } catch (error) {
        refuse(call, error)
        return
      }
      if (!isPromise) {
        give(call, token, next)
        return
      }
      this.#isAsking = true
      const question = {}
      this.#question = question
      // In a promise of ours, since the program's may do anything.
      Promise.resolve(token).then(
        value => inRoot(() => this.#settled(question, waiting => give(waiting, value, next))),
        error => inRoot(() => this.#settled(question, waiting => refuse(waiting, error))),
      )
    }
    this.#waiting.add(call)
  }

  #settled(question: object, each: (call: Call) => void): void {
    if (question !== this.#question) return
    this.#isAsking = false
    for (const call of this.#waiting.release()) each(call)
  }
}

function give(call: Call, token: unknown, next: (call: Call) => void): void {
  if (typeof token !== 'string') {
    refuse(call, new TypeError(`XClient: token() returns ${typeof token}, not a string`))
    return
  }
  call.metadata = { ...call.metadata, [ReservedKey.auth]: token }
  next(call)
}

function refuse(call: Call, thrown: unknown): void {
  const why = reasonOf(thrown)
  call.fail(
    new RpcxError('ERR_RPCX_AUTH', `${call.method}: there is no token for the call: ${why}`, {
      cause: thrown,
    }),
  )
}
