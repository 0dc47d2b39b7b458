/**
 * Returns why something failed, for the end of a message. The result is never empty, `undefined` or `[object Object]`. An error without a
 * message may have parts, such as the failed attempts to connect to each address of a name. Then the result combines the reasons of the
 * parts. Never throws, whatever was thrown.
 */
export function reasonOf(thrown: unknown): string {
  return reasonIn(thrown, MAX_LEVELS)
}

/** Whether a value is an error, perhaps of another realm, such as that of `node:vm` or jest. */
export function isErrorLike(thrown: unknown): thrown is { readonly message: unknown } {
  return thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]'
}

function reasonIn(thrown: unknown, levels: number): string {
  try {
    if (typeof thrown === 'string') return thrown.trim() === '' ? 'an empty text was thrown' : thrown
    if (typeof thrown === 'symbol') return String(thrown)
    if (typeof thrown === 'function') return 'a function was thrown, which is no error'
    if (typeof thrown !== 'object' || thrown === null) return `${thrown} was thrown`
    const { message, code, name, cause, errors } = thrown as ErrorParts
    const said = typeof message === 'string' ? message.trim() : ''
    const parts = Array.isArray(errors) && levels > 0 ? partsOf(errors, levels) : ''
    if (said !== '') return parts === '' || said.includes(parts) ? (message as string) : `${said}: ${parts}`
    if (parts !== '') return parts
    if (typeof code === 'string' && code !== '') return code
    if (cause !== undefined && levels > 0) return reasonIn(cause, levels - 1)
    if (!isErrorLike(thrown)) return 'an object was thrown, which is no error'
    return `${typeof name === 'string' && name !== '' ? name : 'Error'} without a text`
  } catch {
    // A getter may throw, and a proxy may throw on any access.
    return 'an object was thrown that cannot be looked at'
  }
}

interface ErrorParts {
  readonly message?: unknown
  readonly code?: unknown
  readonly name?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/** Joins the different reasons, at most `MOST_PARTS` of them. */
function partsOf(errors: readonly unknown[], levels: number): string {
  const reasons = [...new Set(errors.slice(0, 100).map(error => reasonIn(error, levels - 1)))]
  const more = reasons.length > MOST_PARTS ? [`and ${reasons.length - MOST_PARTS} more`] : []
  return [...reasons.slice(0, MOST_PARTS), ...more].join('; ')
}

const MAX_LEVELS = 4
const MOST_PARTS = 5
