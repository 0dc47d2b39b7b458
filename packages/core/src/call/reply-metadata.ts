import type { Metadata } from '../call-metadata.ts'
import { MAX_PAIRS, NO_METADATA } from '../call-metadata.ts'

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
