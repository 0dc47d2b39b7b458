/**
 * Whether the own properties of an object say what it is. What the platform makes (a promise, a `URL`, a generator, an error) keeps its
 * content elsewhere, and would silently be an empty object.
 */
export function hasContent(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]' || Object.keys(value).length > 0
}

/** What an object is called in messages: `URL`, `Promise`. */
export function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}
