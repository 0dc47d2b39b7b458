import type { Uint64 } from './uint64.ts'
import { multiply } from './uint64.ts'

/** Returns the 64-bit FNV-1a hash of the UTF-8 bytes of a string. */
export function fnv1a(text: string): Uint64 {
  let hash: Uint64 = OFFSET
  for (const byte of Buffer.from(text))
    hash = multiply({ high: hash.high, low: (hash.low ^ byte) >>> 0 }, PRIME)
  return hash
}

const OFFSET: Uint64 = { high: 0xcbf29ce4, low: 0x84222325 }
const PRIME: Uint64 = { high: 0x100, low: 0x1b3 }
