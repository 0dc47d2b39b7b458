/**
 * A cache of ASCII strings that occur often, such as the names of services and of fields. It holds at most 512 strings of up to 31 bytes,
 * so that peers cannot make it grow. A cached string is ready for use as a property name; a new one must be hashed first.
 */
export class KeyCache {
  readonly #keys: string[] = new Array<string>(slots).fill('')

  /** Returns the `length` bytes of UTF-8 at `start` as a string. `bytes` must contain all of them. */
  read(bytes: Buffer, start: number, length: number): string {
    let hash = length
    for (let i = 0; i < length; i++) hash = Math.imul(hash, 31) + (bytes[start + i] as number)
    const slot = (hash ^ (hash >>> 9)) & (slots - 1)
    const known = this.#keys[slot] as string
    if (isAt(known, bytes, start, length)) return known
    const key = bytes.toString('utf8', start, start + length)
    // With equal lengths, each byte became one code unit: ASCII, or U+FFFD, which equals no byte. So `isAt` cannot mistake `é` for `Ã©`.
    if (key.length === length && length <= longestKey) this.#keys[slot] = key
    return key
  }
}

const slots = 512
const longestKey = 31

function isAt(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}
