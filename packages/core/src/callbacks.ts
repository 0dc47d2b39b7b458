import { isErrorLike, reasonOf } from './reason.ts'

// How functions of the program are called, each in a `try` where that happens, so that a call pays for no closure:
// - what decides, such as `authenticate`, fails that call or connection, and a promise that nobody waits for counts as a failure:
//   `decidedNow`, `unawaited`, `wrongResult`;
// - what only hears, such as a listener, is told of in `callbackFailed`, its promise included: `watchRejection`, and `guarded` off the paths
//   that calls take.

/** Says which function of a user failed, and with what: `rateLimit.by`, `listener of ejected`. */
export type CallbackFailed = (callback: string, error: Error) => void

/** Makes an error of whatever was thrown, with a text that says something. @param what failed: `Shop.buy`, `rateLimit.by` */
export function toError(thrown: unknown, what: string): Error {
  try {
    // It stays itself: its class and what it carries are its thrower's.
    if (thrown instanceof Error && typeof thrown.message === 'string' && thrown.message.trim() !== '')
      return thrown
    if (typeof thrown === 'string' && thrown.trim() !== '') return new Error(thrown, { cause: thrown })
    if (isErrorLike(thrown) && typeof thrown.message === 'string' && thrown.message.trim() !== '')
      return new Error(thrown.message, { cause: thrown })
  } catch {
    // A getter may throw, and a proxy may refuse anything.
  }
  return new Error(`${what} failed: ${reasonOf(thrown)}`, { cause: thrown })
}

/** Whether it is a promise, or something that `await` takes for one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Hears of the rejection of what a function returned whose result nobody waits for. Anything else than a promise is ignored. */
export function watchRejection(returned: unknown, failed: (error: unknown) => void): void {
  if (returned === undefined) return
  try {
    if (isThenable(returned)) returned.then(undefined, failed)
  } catch (thrown) {
    failed(thrown)
  }
}

/**
 * Returns what a function of the program returns that is asked from timers, where nobody could catch anything; `undefined` when it throws.
 * A closure for each call: not for what each call of a client or a server passes.
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
 * What a hook returned that has to decide at once. A promise would let everything through, whatever it comes to.
 * @throws TypeError
 */
export function decidedNow<T>(name: string, returned: T): T {
  if (returned === undefined || !isThenable(returned)) return returned
  throw unawaited(`the hook ${name}`, returned)
}

/** The error of a function that returned a promise where nobody waits for one. @param what the function */
export function unawaited(what: string, returned: unknown): TypeError {
  watchRejection(returned, () => {})
  return new TypeError(`${what} returns a promise, which nothing awaits`)
}

/** The error of a function that returned something else, perhaps a promise. @param wanted with its article: `a string` */
export function wrongResult(what: string, returned: unknown, wanted: string): TypeError {
  watchRejection(returned, () => {})
  return new TypeError(`${what} returns ${returned === null ? 'null' : typeof returned}, not ${wanted}`)
}
