import { isErrorLike, reasonOf } from './reason.ts'

// How to call functions of the program. Each caller has its own `try`, so that a call does not pay for a closure:
// - A function that decides, such as `authenticate`: its failure fails the call or the connection. A promise that nothing awaits counts as
//   a failure: `decidedNow`, `unawaited`, `wrongResult`.
// - A function that only listens, such as a listener: `callbackFailed` reports its failure, also that of its promise: `watchRejection`.
//   Code that does not run for each call may use `guarded`.

/** Reports which function of the program failed, and its error: `rateLimit.by`, `listener of ejected`. */
export type CallbackFailed = (callback: string, error: Error) => void

/** Returns an error with a useful message for anything that was thrown. @param what the function that failed: `Shop.buy`, `rateLimit.by` */
export function toError(thrown: unknown, what: string): Error {
  try {
    // Returns the error itself, because the program may use its class and its properties.
    if (thrown instanceof Error && typeof thrown.message === 'string' && thrown.message.trim() !== '')
      return thrown
    if (typeof thrown === 'string' && thrown.trim() !== '') return new Error(thrown, { cause: thrown })
    if (isErrorLike(thrown) && typeof thrown.message === 'string' && thrown.message.trim() !== '')
      return new Error(thrown.message, { cause: thrown })
  } catch {
    // A getter may throw, and a proxy may throw on any access.
  }
  return new Error(`${what} failed: ${reasonOf(thrown)}`, { cause: thrown })
}

/** Whether a value is a promise, or an object that `await` treats as one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Calls `failed` when the result of a function is a promise that rejects. For results that nothing awaits. Ignores other results. */
export function watchRejection(returned: unknown, failed: (error: unknown) => void): void {
  if (returned === undefined) return
  try {
    if (isThenable(returned)) returned.then(undefined, failed)
  } catch (thrown) {
    failed(thrown)
  }
}

/**
 * Calls a function of the program, for example from a timer, where nothing could catch an exception. Returns its result, or `undefined`
 * when it throws. Each use needs a closure, so do not use it for every call of a client or a server.
 */
export function guarded<T>(
  callback: string,
  run: () => T,
  failed: (callback: string, thrown: unknown) => void,
): T | undefined {
  try {
    const returned = run()
    watchRejection(returned, thrown => failed(callback, thrown))
    return returned
  } catch (thrown) {
    failed(callback, thrown)
    return undefined
  }
}

/**
 * Returns the result of a hook that must decide at once. A promise would let everything through, whatever it resolves to.
 * @throws TypeError when the result is a promise
 */
export function decidedNow<T>(name: string, returned: T): T {
  if (returned === undefined || !isThenable(returned)) return returned
  throw unawaited(`the hook ${name}`, returned)
}

/** Returns the error for a function that returned a promise which nothing awaits. @param what the function */
export function unawaited(what: string, returned: unknown): TypeError {
  watchRejection(returned, () => {})
  return new TypeError(`${what} returns a promise, which nothing awaits`)
}

/**
 * Returns the error for a function that returned a wrong type, perhaps a promise.
 * @param wanted the right type with its article: `a string`
 */
export function wrongResult(what: string, returned: unknown, wanted: string): TypeError {
  watchRejection(returned, () => {})
  return new TypeError(`${what} returns ${returned === null ? 'null' : typeof returned}, not ${wanted}`)
}
