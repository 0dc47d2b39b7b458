import { lazy } from '../lazy.ts'

/**
 * Where in `root` the first value that `matches` is: ` at args.list[3].fn`, or '' at the root or if it is not
 * found. Only for messages of errors, so that encoding itself need not keep track. Longer ones end in `…`.
 */
export function pathTo(root: unknown, matches: Matches): string {
  let path: string | undefined
  try {
    path = search(root, matches, '', 0)
  } catch {
    // A getter that worked while encoding need not work again.
  }
  if (!path) return ''
  return ` at ${path.length > longestPath ? `${path.slice(0, longestPath)}…` : path}`
}

/** @param depth how many containers are around the value */
type Matches = (value: unknown, depth: number) => boolean

const { types } = lazy.util
const longestPath = 100

// In the order in which values are encoded: what comes before the value sought was encodable, so this ends.
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
