/** Says which function of a user failed, and with what: `rateLimit.by`, `listener of ejected`. */
export type CallbackFailed = (callback: string, error: Error) => void

/** Makes an error of whatever was thrown; not everything has a text. */
export function toError(thrown: unknown, what: string): Error {
  try {
    if (isErrorLike(thrown)) {
      if (typeof thrown.message !== 'string') return new Error(`${what} failed`, { cause: thrown })
      return thrown instanceof Error ? thrown : new Error(thrown.message, { cause: thrown })
    }
    return new Error(String(thrown), { cause: thrown })
  } catch {
    // An object without a prototype has no `toString`; a proxy may refuse anything.
    return new Error(`${what} failed`, { cause: thrown })
  }
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
  return new TypeError(`${what} returns a promise, which nobody waits for`)
}

/** The error of a function that returned something else, perhaps a promise. @param wanted with its article: `a string` */
export function wrongResult(what: string, returned: unknown, wanted: string): TypeError {
  watchRejection(returned, () => {})
  return new TypeError(`${what} returns ${returned === null ? 'null' : typeof returned}, not ${wanted}`)
}

/** Whether it is an error, perhaps of another realm, such as that of `node:vm` or jest. */
function isErrorLike(thrown: unknown): thrown is { readonly message: unknown } {
  return thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]'
}
