/** The metadata of a message: what the caller or the service sent beside the payload. */
export type Metadata = Readonly<Record<string, string>>

/** The metadata of all messages without metadata, which share this object. */
export const NO_METADATA: Metadata = Object.freeze(Object.create(null))

/**
 * Checks metadata that user code has set: JavaScript code may set any value.
 * @param what names the metadata in errors: `push: metadata`
 * @throws TypeError when a value is not a string; RangeError when there are more keys than the other end reads
 */
export function checkMetadata(what: string, metadata: Metadata): void {
  let pairs = 0
  for (const key in metadata) {
    const value: unknown = metadata[key]
    if (typeof value !== 'string') throw new TypeError(`${what}.${key} is ${typeof value}, not a string`)
    if (++pairs > MAX_PAIRS) throw new RangeError(`${what} has more than ${MAX_PAIRS} keys`)
  }
}

// A peer without authentication may send metadata. An object with a million keys would take a second to build.
export const MAX_PAIRS = 4_096
