import type { Metadata } from '../../call-metadata.ts'
import type { Message } from '../../wire/message.ts'

/** A message that a server sent without being asked. */
export interface PushedMessage {
  /** What the server says that it is about. */
  readonly service: string
  readonly method: string
  readonly metadata: Metadata
  readonly payload: Uint8Array
  /** The address of the server. */
  readonly endpoint: string
}

/** @param payload decompressed */
export function pushedMessage(message: Message, payload: Uint8Array, endpoint: string): PushedMessage {
  const { service, method, metadata } = message
  return { service, method, metadata, payload, endpoint }
}
