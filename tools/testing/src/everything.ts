/**
 * Returns all text that can be reached from a value: from its properties, including non-enumerable ones and those of its prototypes,
 * and from its maps, sets and bytes. Tests use it to prove that an error does not contain a secret.
 */
export function everythingIn(root: unknown): string {
  const seen = new Set<unknown>()
  const texts: string[] = []
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string') texts.push(value)
    else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value)
      if (ArrayBuffer.isView(value)) texts.push(Buffer.from(value.buffer).toString('latin1'))
      else open.push(...partsOf(value))
    }
  }
  return texts.join('\n')
}

function partsOf(value: object): readonly unknown[] {
  const parts: unknown[] = []
  if (value instanceof Map) for (const entry of value) parts.push(...entry)
  if (value instanceof Set) parts.push(...value)
  for (let from: object | null = value; from !== null; from = Object.getPrototypeOf(from)) {
    for (const key of Reflect.ownKeys(from)) {
      try {
        parts.push(key, (value as Record<PropertyKey, unknown>)[key])
      } catch {
        // A getter that needs another object.
      }
    }
    if (Object.getPrototypeOf(from) === Object.prototype) break
  }
  return parts
}
