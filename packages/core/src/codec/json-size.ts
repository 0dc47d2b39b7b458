/** The size of the value in a JSON document. */
export interface JsonSize {
  /** The number of values and keys. */
  readonly values: number
  /** The number of levels of arrays and objects. */
  readonly depth: number
}

/** Measures a JSON document by its brackets and commas, which is faster than parsing it. Does not detect invalid JSON. */
export function jsonSize(bytes: Uint8Array): JsonSize {
  let values = 1
  let level = 0
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE:
        for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++
        break
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        values++
        level++
        if (level > depth) depth = level
        break
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        level--
        break
      case COMMA:
      case COLON:
        values++
    }
  }
  return { values, depth }
}

/** Returns whether there are more than `count` opening brackets, including those in strings. Fast when there are few. */
export function hasMoreBrackets(bytes: Buffer, count: number): boolean {
  let left = count
  for (const bracket of [OPEN_OBJECT, OPEN_ARRAY]) {
    for (let at = bytes.indexOf(bracket); at >= 0; at = bytes.indexOf(bracket, at + 1)) {
      if (left-- === 0) return true
    }
  }
  return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const COMMA = 0x2c
const COLON = 0x3a
