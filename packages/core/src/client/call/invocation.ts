import type { Metadata } from '../../call-metadata.ts'

/** All that is known about a call that succeeded. */
export interface Invocation<Reply> {
  readonly reply: Reply
  /** What the server sent beside the reply. */
  readonly metadata: Metadata
  /** The address of the server that replied. */
  readonly endpoint: string
  /** How often it was tried, the last time included. */
  readonly attempts: number
}
