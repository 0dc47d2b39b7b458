/** The metadata of a message: what the caller or the service sent beside the payload. */
export type Metadata = Readonly<Record<string, string>>

/** The metadata of all messages without metadata, which share this object. */
export const NO_METADATA: Metadata = Object.freeze(Object.create(null))

// A peer without authentication may send metadata. An object with a million keys would take a second to build.
export const MAX_PAIRS = 4_096
