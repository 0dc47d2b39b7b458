import { lazy } from '../../lazy.ts'

/**
 * Returns what Go's `%v` prints for a value, so that the same arguments have the same key in Go. An object is printed as a struct with its
 * fields in the same order.
 */
export function printed(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      return printedNumber(value)
    case 'object':
      return value === null ? '<nil>' : printedObject(value)
    case 'undefined':
      return '<nil>'
    default:
      return String(value)
  }
}

const { types } = lazy.util

function printedObject(value: object): string {
  if (types.isDate(value))
    return `${value
      .toISOString()
      .replace('T', ' ')
      .replace(/\.?0*Z$/, '')} +0000 UTC`
  if (types.isMap(value))
    return `map[${[...value]
      .map(([k, v]) => `${printed(k)}:${printed(v)}`)
      .sort()
      .join(' ')}]`
  if (types.isUint8Array(value) || Array.isArray(value)) return `[${Array.from(value, printed).join(' ')}]`
  return `{${Object.values(value).map(printed).join(' ')}}`
}

/** Prints integers as Go does, and other numbers as `%v` prints a float64: with an exponent from 10^6 up and below 10^-4. */
function printedNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const magnitude = Math.abs(value)
  const isPlain = Number.isSafeInteger(value) || (magnitude >= 1e-4 && magnitude < 1e6)
  return isPlain ? String(value) : shortest(value)
}

/** Prints a number with an exponent of at least two digits. */
function shortest(value: number): string {
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}
