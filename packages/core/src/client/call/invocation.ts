import type { Metadata } from '../../call-metadata.ts'

/** The result of a call that succeeded. */
export interface Invocation<Reply> {
  readonly reply: Reply
  /** The metadata that the server sent with the reply. */
  readonly metadata: Metadata
  /** The address of the server that replied. */
  readonly endpoint: string
  /** The number of attempts, including the last one. */
  readonly attempts: number
}
