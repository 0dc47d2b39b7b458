import { describe, expect, test } from 'vitest'
import { isRpcxError } from '../../src/errors.ts'
import { MAX_FRAME_BYTES } from '../../src/options.ts'
import { decompress } from '../../src/wire/compress.ts'
import { FrameDecoder } from '../../src/wire/frame-decoder.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'
import type { Seq } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import type { Entry, RecordedFrame } from './recording.ts'
import { bytesOf, flagsOf, scenarios, sha256 } from './recording.ts'

describe('frames recorded from Go', () => {
  const recorded = scenarios.flatMap(({ exchange }) => exchange.filter(entry => entry.decoded !== undefined))
  const checked = new Set<Entry>()

  for (const { name, exchange } of scenarios) {
    const frames = exchange.flatMap(entry => (entry.decoded ? [{ entry, decoded: entry.decoded }] : []))
    if (frames.length === 0) continue

    test(`reads and writes as Go: ${name}`, () => {
      for (const [i, { entry, decoded }] of frames.entries()) {
        const bytes = bytesOf(entry) as Buffer
        const [message, ...more] = decode(bytes)
        expect(more).toEqual([])
        expectSame(message as Message, decoded)
        const written = write(message as Message, decoded)
        const why = unwritable[`${name}#${i}`]
        if (why === undefined) expect(written.toString('hex')).toBe(bytes.toString('hex'))
        else expect(written.toString('hex'), why).not.toBe(bytes.toString('hex'))
        checked.add(entry)
      }
    })
  }

  test('are all read and written', () => {
    expect(recorded).toHaveLength(1284)
    expect(checked.size).toBe(recorded.length)
  })
})

// Frames that our writer cannot write, by scenario and number of the frame in it.
const unwritable: Record<string, string> = {
  'odd.low-nibble#0': 'the low nibble of byte 3 has no meaning: only a reply has that of its request',
  'odd.metadata-duplicate#0': 'the same metadata key twice: an object has it once',
}

describe('recorded bytes that are not a well-formed frame', () => {
  const others = scenarios.flatMap(({ name, exchange }) => {
    const bytes = exchange.filter(entry => entry.hex !== undefined && entry.decoded === undefined)
    return bytes.map((entry, i) => ({ title: `${name}#${i}`, bytes: bytesOf(entry) as Buffer }))
  })

  test('are all known', () => {
    expect(others.map(({ title }) => title).sort()).toEqual(Object.keys(malformed).sort())
  })

  for (const { title, bytes } of others) {
    test(`${title} ${malformed[title]}`, () => expect(outcome(bytes)).toBe(malformed[title]))
  }
})

type Outcome = 'is a frame' | 'is refused' | 'waits for more' | 'is a frame, then refused'

// Go swallows inner lengths that leave the frame and serves what it could read; we refuse them.
const malformed: Record<string, Outcome> = {
  'bad.magic-first#0': 'is refused',
  'bad.magic-second#0': 'is refused',
  // Go's recorder treated the payload as invalid because its key is bin. The frame around it is valid.
  'decode.msgpack.bin-key#0': 'is a frame',
  'fakeserver.bad-magic#0': 'is refused',
  'fakeserver.inner-length-beyond#0': 'is refused',
  'fakeserver.inner-length-beyond#1': 'is refused',
  'fakeserver.meta-broken#0': 'is refused',
  'fakeserver.truncated#0': 'waits for more',
  'len.huge-announced#0': 'is refused',
  'len.meta-beyond#0': 'is refused',
  'len.method-beyond#0': 'is refused',
  'len.path-beyond#0': 'is refused',
  'len.path-max#0': 'is refused',
  // The length of the payload is ignored, as in Go.
  'len.payload-beyond#0': 'is a frame',
  'len.payload-short#0': 'is a frame',
  'len.total-long#0': 'is a frame, then refused',
  'len.total-short#0': 'is a frame, then refused',
  'len.total-trailing#0': 'is a frame',
  'len.total-zero#0': 'is refused',
  'len.total-zero-then-good#0': 'is refused',
  'meta.key-beyond#0': 'is refused',
  'meta.trailing#0': 'is refused',
  'meta.value-beyond#0': 'is refused',
  'pipeline.cut#0': 'waits for more',
  // The parts that follow the first begin in the middle of the frame.
  'pipeline.cut#1': 'is refused',
  'pipeline.cut#2': 'is refused',
  'pipeline.cut#3': 'is refused',
  'trunc.body#0': 'waits for more',
  'trunc.header#0': 'waits for more',
  'trunc.length#0': 'waits for more',
}

function outcome(bytes: Buffer): Outcome {
  let frames = 0
  const decoder = new FrameDecoder(() => frames++, { maxFrameBytes: MAX_FRAME_BYTES })
  try {
    decoder.push(bytes)
  } catch (error) {
    if (!isRpcxError(error, 'ERR_RPCX_FRAME')) throw error
    return frames > 0 ? 'is a frame, then refused' : 'is refused'
  }
  return frames > 0 ? 'is a frame' : 'waits for more'
}

function decode(bytes: Buffer): Message[] {
  const messages: Message[] = []
  new FrameDecoder(message => messages.push(message), { maxFrameBytes: MAX_FRAME_BYTES }).push(bytes)
  return messages
}

function expectSame(message: Message, recorded: RecordedFrame): void {
  expect({
    version: message.version,
    flags: message.flags,
    isResponse: message.isResponse,
    isHeartbeat: message.isHeartbeat,
    isOneway: message.isOneway,
    isError: message.isError,
    serialize: message.serialize,
    seq: String(message.seq),
    service: message.service,
    method: message.method,
    metadata: Object.entries(message.metadata),
  }).toEqual({
    version: recorded.version ?? 0,
    flags: flagsOf(recorded),
    isResponse: recorded.type === 'response',
    isHeartbeat: recorded.heartbeat ?? false,
    isOneway: recorded.oneway ?? false,
    isError: recorded.status === 'error',
    serialize: recorded.serialize,
    seq: recorded.seq,
    service: recorded.servicePath,
    method: recorded.serviceMethod,
    metadata: Object.entries(ordered(recorded)),
  })
  for (const [key, value] of Object.entries(recorded.metadata ?? {})) {
    if (/^[ -~]*$/.test(key)) expect(message.metadataValue(key)).toBe(value)
  }
  if (recorded.payloadSha256 === undefined) {
    expect(message.payload.toString('hex')).toBe(recorded.payloadHex)
  } else {
    expect(sha256(message.payload)).toBe(recorded.payloadSha256)
  }
  if (recorded.inflatedLength !== undefined) expectInflated(message, recorded)
}

function expectInflated(message: Message, recorded: RecordedFrame): void {
  const inflated = decompress(message.payload, message.flags, MAX_FRAME_BYTES)
  expect(inflated).toHaveLength(recorded.inflatedLength as number)
  if (recorded.inflatedHex === undefined) expect(sha256(inflated)).toBe(recorded.inflatedSha256)
  else expect(inflated.toString('hex')).toBe(recorded.inflatedHex)
}

function write(message: Message, recorded: RecordedFrame): Buffer {
  const writer = new FrameWriter()
  const seq = BigInt(recorded.seq)
  // A reply begins as its request, whatever version that had.
  if (message.isResponse || message.version !== 0) {
    writer.writeReply(message, flagsOf(recorded), ordered(recorded), message.payload)
    return Buffer.concat(writer.take())
  }
  const envelope = {
    serialize: recorded.serialize,
    seq: seq > Number.MAX_SAFE_INTEGER ? seq : (Number(seq) as Seq),
    service: recorded.servicePath,
    method: recorded.serviceMethod,
    metadata: ordered(recorded),
  }
  writer.write(envelope, flagsOf(recorded), message.payload)
  return Buffer.concat(writer.take())
}

function ordered({ metadata = {}, metadataOrder }: RecordedFrame): Record<string, string> {
  return Object.fromEntries(
    (metadataOrder ?? Object.keys(metadata)).map(key => [key, metadata[key] as string]),
  )
}
