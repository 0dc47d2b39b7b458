import type { Metadata } from '../call-metadata.ts'
import { MAX_PAIRS, NO_METADATA } from '../call-metadata.ts'

/** Checks the `responseMetadata` that a method set: JavaScript code may set any value. @throws TypeError or RangeError */
export function checkTexts(metadata: Metadata): void {
  let pairs = 0
  for (const key in metadata) {
    const value: unknown = metadata[key]
    if (typeof value !== 'string')
      throw new TypeError(`responseMetadata: ${key} is ${typeof value}, not a string`)
    if (++pairs > MAX_PAIRS) throw new RangeError(`responseMetadata: more than ${MAX_PAIRS} keys`)
  }
}

/** Returns the pairs that can be sent: string values, up to the limit that a receiver reads. */
export function textsOf(metadata: Metadata = NO_METADATA): Metadata {
  try {
    const texts = Object.entries(metadata).filter(([, value]) => typeof value === 'string')
    return Object.fromEntries(texts.slice(0, MAX_PAIRS))
  } catch {
    // A getter threw.
    return NO_METADATA
  }
}
