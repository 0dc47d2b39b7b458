import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Random } from '../../../../tools/testing/src/random.ts'
import { isRpcxError } from '../../src/errors.ts'
import { compress, decompress } from '../../src/wire/compress.ts'
import type { Envelope } from '../../src/wire/envelope.ts'
import { FrameDecoder } from '../../src/wire/frame-decoder.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'
import type { Seq } from '../../src/wire/header.ts'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import { bytesOf, scenarios } from './recording.ts'

const random = new Random()
/** As many as before a release when `RPCX_FULL` is set. */
const MUTATED = process.env.RPCX_FULL ? 1_000_000 : 100_000
const seeded = `(RPCX_SEED=${random.seed})`

describe(`any message ${seeded}`, () => {
  test('survives a round trip', () => {
    for (let i = 0; i < 1000; i++) {
      const sent = anyMessage()
      const [received, ...more] = decodeAll([write([sent])])
      expect(more).toEqual([])
      expectSame(received as Message, sent)
    }
  })

  test('survives among others, in whatever order connections write', () => {
    const writers = Array.from({ length: 4 }, () => ({
      writer: new FrameWriter(),
      sent: [] as Sent[],
      chunks: [] as Buffer[],
    }))
    for (let i = 0; i < 500; i++) {
      const { writer, sent, chunks } = random.pick(writers)
      const message = anyMessage(random.pick([10, 5_000, 70_000]))
      writer.write(message, message.flags, message.payload)
      sent.push(message)
      if (random.below(3) > 0) continue
      const promised = writer.length
      const taken = writer.take()
      expect(total(taken)).toBe(promised)
      chunks.push(...taken)
    }
    for (const { writer, sent, chunks } of writers) {
      const received = decodeAll([...chunks, ...writer.take()])
      expect(received).toHaveLength(sent.length)
      for (const [i, message] of sent.entries()) expectSame(received[i] as Message, message)
    }
  })

  test('is echoed byte for byte except for its type', () => {
    for (let i = 0; i < 200; i++) {
      const frame = write([anyMessage(100)])
      const writer = new FrameWriter()
      writer.writeEcho(frame)
      const echo = Buffer.concat(writer.take())
      expect(echo[2]).toBe((frame[2] as number) | Flag.response)
      echo[2] = frame[2] as number
      expect(echo.equals(frame)).toBe(true)
    }
  })
})

describe(`a stream of messages ${seeded}`, () => {
  test('gives the same messages one byte at a time', () => {
    const sent = Array.from({ length: 50 }, () => anyMessage(200))
    const stream = write(sent)
    const received = decodeAll(Array.from(stream, (_, i) => stream.subarray(i, i + 1)))
    expect(received).toHaveLength(sent.length)
    for (const [i, message] of sent.entries()) expectSame(received[i] as Message, message)
  })

  test('gives the same messages wherever it is cut', () => {
    for (let i = 0; i < 100; i++) {
      const sent = Array.from({ length: 1 + random.below(20) }, () =>
        anyMessage(random.pick([0, 50, 20_000])),
      )
      const received = decodeAll(cut(write(sent)))
      expect(received).toHaveLength(sent.length)
      for (const [at, message] of sent.entries()) expectSame(received[at] as Message, message)
    }
  })

  test('gives nothing more after it is stopped, even from the current chunk', () => {
    const frame = write([anyMessage(10)])
    let received = 0
    const decoder = new FrameDecoder(
      () => {
        received++
        decoder.stop()
      },
      { maxFrameBytes: 1000 },
    )
    decoder.push(Buffer.concat([frame, frame, frame.subarray(0, 20)]))
    decoder.push(frame)
    expect(received).toBe(1)
  })
})

describe(`hostile bytes ${seeded}`, () => {
  test('mutated frames are messages or ERR_RPCX_FRAME, and leak no memory', async () => {
    const frames = scenarios
      .flatMap(({ exchange }) => exchange.map(bytesOf))
      .filter(bytes => bytes !== undefined && bytes.length <= 400) as Buffer[]
    const before = await memory()
    const seen = { messages: 0, refused: 0, incomplete: 0 }
    for (let i = 0; i < MUTATED; i++) {
      const bytes = mutated(random.pick(frames), frames)
      let messages = 0
      const decoder = new FrameDecoder(
        message => {
          messages++
          readAll(message)
        },
        { maxFrameBytes: 4096 },
      )
      try {
        const middle = random.below(bytes.length + 1)
        decoder.push(bytes.subarray(0, middle))
        decoder.push(bytes.subarray(middle))
        if (messages === 0) seen.incomplete++
      } catch (error) {
        // Not `expect`: so many of them take longer than what they check.
        if (!isRpcxError(error, 'ERR_RPCX_FRAME')) throw new Error(bytes.toString('hex'), { cause: error })
        seen.refused++
      }
      seen.messages += messages
      // Node frees what a failed gunzip held after the turn; no two frames of a peer fail in one.
      if (i % 1000 === 0) await setImmediate()
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(MUTATED / 100)
    const after = await memory()
    expect(after.external - before.external).toBeLessThan(16 * MIB)
    expect(after.rss - before.rss).toBeLessThan(256 * MIB)
  })

  test('a frame that ends before its payload begins is rejected, wherever it ends', () => {
    const frame = write([{ ...anyMessage(0), metadata: { key: 'value' }, payload: Buffer.from('payload') }])
    const body = frame.length - 16
    for (let length = 0; length <= body; length++) {
      const shorter = Buffer.from(frame.subarray(0, 16 + length))
      shorter.writeUInt32BE(length, 12)
      if (length >= body - 'payload'.length) {
        const [message] = decodeAll([shorter])
        expect(message?.payload.toString()).toBe('payload'.slice(0, length - body + 'payload'.length))
      } else {
        expect(() => decodeAll([shorter]), `${length} of ${body} bytes`).toThrow(frameError)
      }
    }
  })

  test('metadata whose pairs do not fill it exactly are rejected', () => {
    const frame = write([{ ...anyMessage(0), service: '', method: '', metadata: { key: 'value' } }])
    // Behind the header and the lengths of service, method and metadata.
    const key = 16 + 12
    const value = key + 4 + 'key'.length
    for (const [at, length] of [
      [key, 3],
      [value, 5],
    ] as const) {
      for (const wrong of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1000, 2 ** 31, 2 ** 32 - 1]) {
        if (wrong === length) continue
        const broken = Buffer.from(frame)
        broken.writeUInt32BE(wrong, at)
        expect(() => decodeAll([broken]), `${wrong} instead of ${length}`).toThrow(frameError)
      }
    }
  })

  test('a header that announces a long body allocates no memory for it', () => {
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from({ length: 1000 }, () => {
      const decoder = new FrameDecoder(() => undefined, { maxFrameBytes: 16 * MIB })
      decoder.push(header(16 * MIB))
      return decoder
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB)
    for (const decoder of decoders) decoder.push(Buffer.alloc(1000))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(12 * MIB)
  })

  test('a body over the limit is rejected with the last byte of its header, wherever the bytes are cut', () => {
    const tooLong = header(4097)
    for (let at = 0; at < tooLong.length; at++) {
      const decoder = new FrameDecoder(() => undefined, { maxFrameBytes: 4096 })
      decoder.push(tooLong.subarray(0, at))
      expect(() => decoder.push(tooLong.subarray(at))).toThrow('4097 bytes, more than maxFrameBytes 4096')
    }
    const decoder = new FrameDecoder(() => undefined, { maxFrameBytes: 0xffff_fffe })
    expect(() => decoder.push(header(0xffff_ffff))).toThrow('4294967295 bytes, more than maxFrameBytes')
  })

  test('a body of exactly the limit is accepted', () => {
    const frame = write([{ ...anyMessage(0), payload: random.bytes(4096) }])
    const bodyBytes = frame.length - 16
    let messages = 0
    new FrameDecoder(() => messages++, { maxFrameBytes: bodyBytes }).push(frame)
    expect(messages).toBe(1)
    const stricter = new FrameDecoder(() => messages++, { maxFrameBytes: bodyBytes - 1 })
    expect(() => stricter.push(frame)).toThrow('more than maxFrameBytes')
  })

  test('what is not a frame is rejected at its first byte', () => {
    for (let byte = 0; byte < 256; byte++) {
      if (byte === 0x08) continue
      const decoder = new FrameDecoder(() => undefined, { maxFrameBytes: 4096 })
      expect(() => decoder.push(Buffer.of(byte))).toThrow(
        `begins with 0x${byte.toString(16)} instead of 0x08`,
      )
    }
  })
})

describe('compressed payloads', () => {
  test('return unchanged', () => {
    for (const length of [0, 1, 1024, 1025, 100_000]) {
      const payload = random.bytes(length)
      expect(decompress(compress(payload) as Buffer, Flag.gzip, 100_000).equals(payload)).toBe(true)
    }
  })

  test('are left alone without compress bits', () => {
    const payload = random.bytes(10)
    expect(decompress(payload, Flag.response | Flag.oneway | Flag.error, 5)).toBe(payload)
  })

  test('are accepted up to the limit and rejected beyond it', () => {
    const zipped = gzipSync(Buffer.alloc(4096))
    expect(decompress(zipped, Flag.gzip, 4096)).toHaveLength(4096)
    expect(() => decompress(zipped, Flag.gzip, 4095)).toThrow(frameError)
  })

  test('that are a gzip bomb are rejected without decompression', async () => {
    const bomb = gzipSync(Buffer.alloc(256 * MIB), { level: 9 })
    expect(bomb.length).toBeLessThan(MIB)
    const before = await memory()
    expect(() => decompress(bomb, Flag.gzip, MIB)).toThrow(frameError)
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(64 * MIB)
  })

  test('are rejected when the compression is unknown', () => {
    for (let kind = 2; kind <= 7; kind++) {
      expect(() => decompress(compress(Buffer.of(1)) as Buffer, kind << 2, 100)).toThrow(
        `unknown compression ${kind}`,
      )
    }
  })

  test('are rejected when they are empty, not gzip, cut short or damaged', () => {
    const zipped = gzipSync(random.bytes(100))
    const damaged = Buffer.from(zipped)
    damaged[damaged.length - 5] = (damaged.at(-5) as number) ^ 1
    for (const payload of [Buffer.alloc(0), Buffer.from('plain'), zipped.subarray(0, -1), damaged]) {
      expect(() => decompress(payload, Flag.gzip, 1000)).toThrow(frameError)
    }
  })
})

const MIB = 1024 * 1024
const frameError: unknown = expect.objectContaining({ name: 'RpcxError', code: 'ERR_RPCX_FRAME' })

interface Sent extends Envelope {
  readonly flags: number
  readonly payload: Buffer
}

function anyMessage(maxPayload = 100_000): Sent {
  return {
    flags: random.below(256),
    serialize: random.below(16),
    seq: anySeq(),
    service: anyText(),
    method: anyText(),
    metadata: anyMetadata(),
    payload: random.bytes(
      random.below(3) === 0 ? random.below(maxPayload + 1) : random.below(Math.min(maxPayload, 64) + 1),
    ),
  }
}

const MAX_SEQ = 2n ** 64n - 1n

/** A number where it is exact and a `bigint` beyond, as messages have it when they are read. */
function anySeq(): Seq {
  const bits = BigInt(random.below(65))
  const seq = random.pick([0n, 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, MAX_SEQ, anyInteger(bits)])
  return seq > BigInt(Number.MAX_SAFE_INTEGER) ? seq : Number(seq)
}

function anyInteger(bits: bigint): bigint {
  return BigInt(`0x${random.bytes(8).toString('hex')}`) >> (64n - bits)
}

const letters = ['a', 'Z', '0', '_', '.', '/', ' ', '\0', 'é', '中', '😀', '\u2028', '\uffff', '\u{10ffff}']

function anyText(): string {
  const length = random.pick([0, 1, 5, 31, 32, 33, random.below(200)])
  const ascii = random.below(2) === 0
  return Array.from({ length }, () => (ascii ? 'x' : random.pick(letters))).join('')
}

function anyMetadata(): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null)
  const keys = ['', '__proto__', 'constructor', '7', ReservedKey.timeout, anyText(), anyText()]
  for (let left = random.below(6); left > 0; left--) metadata[random.pick(keys)] = anyText()
  return metadata
}

function expectSame(received: Message, sent: Sent): void {
  const { payload, metadata, ...fields } = sent
  const { flags, serialize, seq, service, method } = received
  expect({ flags, serialize, seq, service, method }).toEqual(fields)
  expect(Object.entries(received.metadata)).toEqual(Object.entries(metadata))
  expect(received.metadataValue(ReservedKey.timeout)).toBe(metadata[ReservedKey.timeout])
  expect(Buffer.compare(received.payload, payload)).toBe(0)
}

function write(messages: readonly Sent[]): Buffer {
  const writer = new FrameWriter()
  for (const message of messages) writer.write(message, message.flags, message.payload)
  return Buffer.concat(writer.take())
}

function decodeAll(chunks: readonly Buffer[]): Message[] {
  const messages: Message[] = []
  const decoder = new FrameDecoder(message => messages.push(message), { maxFrameBytes: 2 ** 32 })
  for (const chunk of chunks) decoder.push(chunk)
  return messages
}

function cut(bytes: Buffer): Buffer[] {
  const longest = random.pick([2, 20, 5_000, 200_000])
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(longest)
    // A copy: sockets give each chunk its own memory or reuse it.
    chunks.push(Buffer.from(bytes.subarray(at, end)))
    at = end
  }
  return chunks
}

function total(chunks: readonly Buffer[]): number {
  return chunks.reduce((bytes, chunk) => bytes + chunk.length, 0)
}

function header(bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes[0] = 0x08
  bytes.writeUInt32BE(bodyBytes, 12)
  return bytes
}

function mutated(frame: Buffer, others: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(frame)
  for (let left = 1 + random.below(3); left > 0 && bytes.length > 4; left--) {
    switch (random.below(5)) {
      case 0: {
        const at = random.below(bytes.length)
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
        break
      }
      case 1:
        bytes = bytes.subarray(0, random.below(bytes.length + 1))
        break
      case 2:
        // Most lengths of a frame are near its start.
        bytes.writeUInt32BE(anyLength(bytes.length), random.below(Math.min(bytes.length - 3, 50)))
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, random.below(bytes.length)), suffix(random.pick(others))])
        break
      default:
        if (bytes.length >= 16) bytes.writeUInt32BE(Math.max(0, bytes.length - 16 - random.below(2)), 12)
    }
  }
  return bytes
}

function anyLength(near: number): number {
  return random.pick([0, 1, random.below(near), near, near + 1, 4096, 2 ** 31, 2 ** 32 - 1])
}

function suffix(bytes: Buffer): Buffer {
  return bytes.subarray(random.below(bytes.length))
}

/** Reads everything in a message. Errors must have been found before. */
function readAll(message: Message): void {
  const { seq, service, method, metadata, payload, frame } = message
  message.metadataValue(ReservedKey.timeout)
  const known = typeof service === 'string' && typeof method === 'string' && typeof metadata === 'object'
  if (!known || payload.length >= frame.length || BigInt(seq) > MAX_SEQ) throw new TypeError('no message')
  decompress(payload, message.flags, 4096)
}

async function memory(): Promise<NodeJS.MemoryUsage> {
  await setImmediate()
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage()
}
