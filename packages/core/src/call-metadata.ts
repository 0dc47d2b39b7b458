/** The metadata of a message: what the caller or the service sent beside the payload. */
export type Metadata = Readonly<Record<string, string>>

/** Shared by all messages without metadata. */
export const NO_METADATA: Metadata = Object.freeze(Object.create(null))

// An object of a million keys would take a second to make, of a peer whom nobody knows yet.
export const MAX_PAIRS = 4_096
