import type { Metadata } from '../../call-metadata.ts'
import type { Message } from '../../wire/message.ts'

/** A message that a server sent on its own initiative. */
export interface PushedMessage {
  /** The service name that the server put into the message. */
  readonly service: string
  /** The method name that the server put into the message. */
  readonly method: string
  readonly metadata: Metadata
  readonly payload: Uint8Array
  /** The address of the server. */
  readonly endpoint: string
}

/** Returns the message for listeners. @param payload the decompressed payload */
export function pushedMessage(message: Message, payload: Uint8Array, endpoint: string): PushedMessage {
  const { service, method, metadata } = message
  return { service, method, metadata, payload, endpoint }
}
