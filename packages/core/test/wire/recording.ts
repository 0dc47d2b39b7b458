import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Flag } from '../../src/wire/header.ts'

// The recordings of Go's client and server, or of one of them with hand-written bytes.

export interface Scenario {
  readonly name: string
  readonly what: string
  readonly exchange: readonly Entry[]
}

/** One frame, some bytes that are none, or an event, in the order of the recording. */
export interface Entry {
  readonly from: 'client' | 'server' | 'recorder'
  readonly event?: string
  readonly note?: string
  readonly hex?: string
  /** The frame up to its payload, when that is long and to be made by `payloadRecipe`. */
  readonly headHex?: string
  readonly payloadRecipe?: string
  readonly frameSha256?: string
  readonly decoded?: RecordedFrame
}

/** A frame as the recorder read it. Keys that are left out have their default. */
export interface RecordedFrame {
  readonly version?: number
  readonly type: 'request' | 'response'
  readonly heartbeat?: boolean
  readonly oneway?: boolean
  readonly compress?: number
  readonly status: 'normal' | 'error' | '2' | '3'
  readonly serialize: number
  readonly seq: string
  readonly servicePath: string
  readonly serviceMethod: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly metadataOrder?: readonly string[]
  readonly payloadHex?: string
  readonly payloadSha256?: string
  readonly inflatedHex?: string
  readonly inflatedLength?: number
  readonly inflatedSha256?: string
}

export const scenarios: readonly Scenario[] = JSON.parse(
  readFileSync(new URL('../fixtures/frames.json', import.meta.url), 'utf8'),
)

/** The bytes of an entry; `undefined` when it is an event only. */
export function bytesOf(entry: Entry): Buffer | undefined {
  if (entry.hex !== undefined) return Buffer.from(entry.hex, 'hex')
  if (entry.headHex === undefined) return undefined
  const bytes = Buffer.concat([Buffer.from(entry.headHex, 'hex'), longPayload()])
  if (sha256(bytes) !== entry.frameSha256) throw new Error(`not made as recorded: ${entry.payloadRecipe}`)
  return bytes
}

/** Byte 2 of the header. */
export function flagsOf(frame: RecordedFrame): number {
  const status = { normal: 0, error: 1, '2': 2, '3': 3 }[frame.status]
  return (
    (frame.type === 'response' ? Flag.response : 0) |
    (frame.heartbeat === true ? Flag.heartbeat : 0) |
    (frame.oneway === true ? Flag.oneway : 0) |
    ((frame.compress ?? 0) << 2) |
    status
  )
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The only recipe there is: `{ Data: 70 000 bytes, byte i = i mod 251; Text: '' }` in MessagePack. */
function longPayload(): Buffer {
  const data = Buffer.alloc(70_000).map((_, i) => i % 251)
  return Buffer.concat([
    Buffer.from('82a444617461c600011170', 'hex'),
    data,
    Buffer.from('a454657874a0', 'hex'),
  ])
}
