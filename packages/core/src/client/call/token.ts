import { isThenable } from '../../callbacks.ts'
import { RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import { inRoot } from '../../root.ts'
import { ReservedKey } from '../../wire/header.ts'
import type { Call } from './call.ts'
import { PendingQueue } from './pending-queue.ts'

/** Calls the token function before each call, so that the token can be renewed. Calls that start while it is pending share its result. */
export class Token {
  readonly #ask: () => string | Promise<string>
  readonly #waiting = new PendingQueue()
  #isAsking = false
  /** Identifies the newest request for a token. Results of older requests are ignored. */
  #question: object | undefined

  constructor(ask: () => string | Promise<string>) {
    this.#ask = ask
  }

  /** The calls that wait for a token. */
  get calls(): Iterable<Call> {
    return this.#waiting
  }

  /** Passes the call to `next` once it has its token. Without a token the call fails with `ERR_RPCX_AUTH`. */
  attach(call: Call, next: (call: Call) => void): void {
    // When all calls that waited for the pending request have ended, this call starts a new request.
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
      // `Promise.resolve` guards against thenables of the user that do not behave like promises.
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
