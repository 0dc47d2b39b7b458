import type { PushMessage } from '../../call/push-message.ts'
import { checkMetadata, NO_METADATA } from '../../call-metadata.ts'
import type { Envelope } from '../../wire/envelope.ts'
import { Serialize } from '../../wire/header.ts'

/**
 * Returns the envelope of a push, as Go's `SendMessage` writes it: a one-way request with raw bytes (server/server.go).
 * @throws TypeError when a metadata value is not a string; RangeError when there are too many
 */
export function pushEnvelope(message: PushMessage, seq: number): Envelope {
  const { service = '', method = '', metadata = NO_METADATA } = message
  checkMetadata('push: metadata', metadata)
  return { serialize: Serialize.raw, seq, service, method, metadata }
}

export function pushPayload({ payload = '' }: PushMessage): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}
