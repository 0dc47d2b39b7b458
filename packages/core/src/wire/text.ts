import type { Block } from './block.ts'

// Up to this length, a loop in JavaScript is faster than a call into C++.
const SHORT = 32

/** Writes a string after its length as u32. Returns the offset behind it. */
export function writeText({ bytes, view }: Block, text: string, at: number): number {
  const start = at + 4
  const end = start + putText(bytes, text, start)
  view.setUint32(at, end - start)
  return end
}

function putText(bytes: Buffer, text: string, at: number): number {
  const length = text.length
  if (length > SHORT) return bytes.write(text, at)
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return bytes.write(text, at)
    bytes[at + i] = code
  }
  return length
}
