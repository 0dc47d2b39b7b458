import { lazy } from '../lazy.ts'

/**
 * Returns the path to the first value in `root` that `matches`, such as ` at args.list[3].fn`; '' for the root or no match. Ends long
 * paths with `…`. Used for error messages only, so that the encoder need not track the path.
 */
export function pathTo(root: unknown, matches: Matches): string {
  let path: string | undefined
  try {
    path = search(root, matches, '', 0)
  } catch {
    // A getter that did not throw during encoding may throw now.
  }
  if (!path) return ''
  return ` at ${path.length > longestPath ? `${path.slice(0, longestPath)}…` : path}`
}

/** @param depth the number of containers around the value */
type Matches = (value: unknown, depth: number) => boolean

const { types } = lazy.util
const longestPath = 100

// Searches in the order of encoding. The values before the match were encoded, so none of them is cyclic and the search ends.
function search(value: unknown, matches: Matches, path: string, depth: number): string | undefined {
  if (matches(value, depth)) return path
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined
  if (Array.isArray(value) || types.isSet(value)) {
    let index = 0
    for (const element of value) {
      const found = search(element, matches, `${path}[${index++}]`, depth + 1)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (types.isMap(value)) {
    for (const [key, element] of value) {
      const found =
        search(key, matches, `${path}[key]`, depth + 1) ??
        search(element, matches, path + step(key, path), depth + 1)
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const key of Object.keys(value)) {
    const element = (value as Record<string, unknown>)[key]
    const found = search(element, matches, path + step(key, path), depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function step(key: unknown, path: string): string {
  if (typeof key !== 'string') return `[${typeof key === 'object' ? 'object' : String(key)}]`
  if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `[${JSON.stringify(key)}]`
  return path === '' ? key : `.${key}`
}
