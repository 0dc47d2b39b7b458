import { NO_METADATA } from '../src/call-metadata.ts'
import { FrameWriter } from '../src/wire/frame-writer.ts'
import { Flag, Serialize } from '../src/wire/header.ts'
import type { Message } from '../src/wire/message.ts'

export interface BareFrame {
  readonly flags?: number
  readonly serialize?: number
  readonly seq?: number | bigint
  readonly service?: string
  readonly method?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly payload?: Uint8Array | string
}

/** Returns the bytes of one frame. A string is a JSON payload. */
export function frame(fields: BareFrame): Buffer {
  const { flags = 0, seq = 0, service = '', method = '', metadata = NO_METADATA, payload = '' } = fields
  const { serialize = typeof payload === 'string' ? Serialize.json : Serialize.msgpack } = fields
  const writer = new FrameWriter()
  writer.write({ serialize, seq, service, method, metadata }, flags, Buffer.from(payload))
  return Buffer.concat(writer.take())
}

/** Returns the bytes of the reply to a request. */
export function replyTo({ seq, service, method }: Message, fields: BareFrame): Buffer {
  return frame({ seq, service, method, ...fields, flags: Flag.response | (fields.flags ?? 0) })
}
