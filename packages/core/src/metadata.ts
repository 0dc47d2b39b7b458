/** The parsed metadata of an endpoint: each key with its values, in order. */
export type Values = ReadonlyMap<string, readonly string[]>

/** What a text of metadata says. */
export interface ParsedMetadata {
  readonly values: Values
  /** Whether every pair could be read. Go's clients ignore all values otherwise. */
  readonly valid: boolean
}

/** Reads a query string as Go's `url.ParseQuery` does: pairs with `;` or a bad `%` are dropped, the others kept. */
export function parseMetadata(text: string): ParsedMetadata {
  const values = new Map<string, string[]>()
  let valid = true
  for (const pair of text.split('&')) {
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

/** Writes a query string byte for byte as Go's `url.Values.Encode` does: keys in byte order. */
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

/** `undefined` when a `%` is not followed by two hexadecimal digits. */
function unescapeQuery(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  return Buffer.concat(
    spaced
      .split(/(%[0-9a-fA-F]{2})/)
      .map((part, i) => (i % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
  ).toString()
}
