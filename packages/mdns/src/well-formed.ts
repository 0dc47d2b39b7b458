/**
 * Returns whether the bytes are one complete DNS message, with every name and length inside its bounds. The library's decoder reads past a
 * truncated string and returns records that do not exist.
 */
export function isWellFormed(bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_BYTES) return false
  let at = HEADER_BYTES
  for (let n = bytes.readUInt16BE(4); n > 0; n--) {
    at = nameEnd(bytes, at) + 4
    if (!(at <= bytes.length)) return false
  }
  for (let n = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10); n > 0; n--) {
    at = recordEnd(bytes, at)
    if (!(at <= bytes.length)) return false
  }
  return at === bytes.length
}

const HEADER_BYTES = 12
// RFC 6762 §17.
const MAX_BYTES = 9_000

/** Returns the end of a record; NaN when it is malformed. */
function recordEnd(bytes: Buffer, start: number): number {
  const head = nameEnd(bytes, start)
  if (!(head + 10 <= bytes.length)) return Number.NaN
  const data = head + 10
  const end = data + bytes.readUInt16BE(head + 8)
  if (end > bytes.length) return Number.NaN
  switch (bytes.readUInt16BE(head)) {
    case 1:
      return end - data === 4 ? end : Number.NaN
    case 28:
      return end - data === 16 ? end : Number.NaN
    case 12:
      return nameEnd(bytes, data) === end ? end : Number.NaN
    case 33:
      return nameEnd(bytes, data + 6) === end ? end : Number.NaN
    case 16:
      return textEnd(bytes, data, end) === end ? end : Number.NaN
    default:
      return end
  }
}

function textEnd(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end) at += 1 + (bytes[at] as number)
  return at
}

/** Returns the end of a name at this position, not of its pointers' targets; NaN when it is malformed. */
function nameEnd(bytes: Buffer, start: number): number {
  let at = start
  let end: number | undefined
  let before = start
  let length = 0
  for (;;) {
    const size = bytes[at]
    if (size === undefined) return Number.NaN
    if (size === 0) return end ?? at + 1
    if (size < 0x40) {
      length += size + 1
      at += size + 1
      if (length > 254) return Number.NaN
    } else {
      const low = bytes[at + 1]
      if (size < 0xc0 || low === undefined) return Number.NaN
      end ??= at + 2
      const target = ((size & 0x3f) << 8) | low
      // Pointers must lead backwards, so that a name cannot loop.
      if (target >= before || target < HEADER_BYTES) return Number.NaN
      at = target
      before = target
    }
  }
}
