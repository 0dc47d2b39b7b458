/** The parsed metadata of an endpoint: each key with its values, in order. */
export type Values = ReadonlyMap<string, readonly string[]>

/** The result of parsing metadata. */
export interface ParsedMetadata {
  readonly values: Values
  /** Whether every pair is well-formed. Otherwise Go's clients ignore all values. */
  readonly valid: boolean
}

/**
 * Parses a query string as Go's `url.ParseQuery` does. Drops pairs with `;` or a malformed `%`, and keeps the others. The time is
 * proportional to the length.
 */
export function parseMetadata(text: string): ParsedMetadata {
  const values = new Map<string, string[]>()
  let valid = true
  for (let start = 0; start < text.length; ) {
    const ampersand = text.indexOf('&', start)
    const end = ampersand < 0 ? text.length : ampersand
    const pair = text.slice(start, end)
    start = end + 1
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const key = unescapeQuery(equals < 0 ? pair : pair.slice(0, equals))
    const value = unescapeQuery(equals < 0 ? '' : pair.slice(equals + 1))
    if (key === undefined || value === undefined || pair.includes(';')) {
      valid = false
      continue
    }
    const known = values.get(key)
    if (known === undefined) values.set(key, [value])
    else known.push(value)
  }
  return { values, valid }
}

/** Returns a query string that equals that of Go's `url.Values.Encode` byte for byte. The keys are in byte order. */
export function formatMetadata(values: Values): string {
  const keys = [...values.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const pairs: string[] = []
  for (const key of keys) {
    for (const value of values.get(key) ?? []) pairs.push(`${escapeQuery(key)}=${escapeQuery(value)}`)
  }
  return pairs.join('&')
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

/** Decodes a part of a query string. Returns `undefined` when a `%` is not followed by two hexadecimal digits. */
function unescapeQuery(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  // Decodes in place: three bytes become one, so the result is never longer than the input.
  const bytes = Buffer.from(spaced)
  let written = 0
  for (let read = 0; read < bytes.length; written++) {
    const byte = bytes[read] as number
    if (byte !== PERCENT) {
      bytes[written] = byte
      read++
      continue
    }
    const high = digit(bytes[read + 1])
    const low = digit(bytes[read + 2])
    if (high < 0 || low < 0) return undefined
    bytes[written] = high * 16 + low
    read += 3
  }
  return bytes.toString('utf8', 0, written)
}

/** Returns the value of a hexadecimal digit; −1 for any other character. */
function digit(code: number | undefined): number {
  if (code === undefined) return -1
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  // Turns upper case into lower case.
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

const PERCENT = 0x25
