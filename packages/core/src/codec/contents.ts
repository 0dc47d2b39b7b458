/**
 * Returns whether the own properties of an object describe it. Objects of the platform (a promise, a `URL`, a generator, an error) keep
 * their content elsewhere, and would be encoded as empty objects.
 */
export function hasContent(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]' || Object.keys(value).length > 0
}

/** Returns the type of an object for error messages: `URL`, `Promise`. */
export function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}
