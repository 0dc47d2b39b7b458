import type { DuplexOptions } from 'node:stream'
import { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { FrameStream } from '../../src/transport/frame-stream.ts'
import type { Message } from '../../src/wire/message.ts'
import { frame } from '../bare-frame.ts'
import { Gate } from '../gate.ts'

/** A stream whose reader accepts a chunk only when the test says so. */
class Wire extends Duplex {
  readonly written: Buffer[] = []
  readonly finished = new Gate()
  #taken: (() => void) | undefined
  /** Whether chunks are accepted as they come. */
  isOpen: boolean

  constructor(isOpen: boolean, options: DuplexOptions = { highWaterMark: 16 }) {
    super(options)
    this.isOpen = isOpen
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    this.written.push(Buffer.from(chunk))
    if (this.isOpen) taken()
    else this.#taken = taken
  }

  override _final(done: () => void): void {
    done()
    this.finished.open()
  }

  open(): void {
    this.isOpen = true
    this.#taken?.()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written)
  }
}

interface Ends {
  readonly wire: Wire
  readonly stream: FrameStream
  readonly received: Message[]
  readonly closed: Promise<Error | undefined>
}

function ends(isOpen: boolean, onMessage: (message: Message) => unknown = () => {}): Ends {
  const wire = new Wire(isOpen)
  const received: Message[] = []
  const closed = new Gate<Error | undefined>()
  const owner = {
    received(message: Message): void {
      received.push(message)
      onMessage(message)
    },
    closed: (error: Error | undefined) => closed.open(error),
  }
  const stream = new FrameStream(wire, owner, {
    clock: systemClock,
    maxFrameBytes: 1024,
    pausesReads: true,
  })
  return { wire, stream, received, closed: closed.opened }
}

const send = (stream: FrameStream, seq: number): number =>
  stream.send({ serialize: 1, seq, service: 'S', method: 'm', metadata: {} }, 0, Buffer.alloc(8))

const bytesOf = (seq: number): Buffer =>
  frame({ seq, serialize: 1, service: 'S', method: 'm', payload: Buffer.alloc(8) })

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('a frame stream', () => {
  test('writes the messages of one tick in one chunk', async () => {
    const { wire, stream } = ends(true)
    send(stream, 1)
    send(stream, 2)
    expect(wire.written).toEqual([])
    await tick()
    expect(wire.written).toEqual([Buffer.concat([bytesOf(1), bytesOf(2)])])
  })

  test('keeps messages while the peer does not read, and sends them when it does', async () => {
    const { wire, stream } = ends(false)
    send(stream, 1)
    await tick()
    send(stream, 2)
    await tick()
    expect(wire.bytes).toEqual(bytesOf(1))
    expect(stream.bufferedBytes).toBe(bytesOf(1).length + bytesOf(2).length)
    wire.open()
    await tick()
    expect(wire.bytes).toEqual(Buffer.concat([bytesOf(1), bytesOf(2)]))
    expect(stream.bufferedBytes).toBe(0)
  })

  test('reports whether any part of a message may have been sent', async () => {
    const { stream } = ends(false)
    const first = send(stream, 1)
    expect(stream.wasSent(first)).toBe(false)
    await tick()
    const second = send(stream, 2)
    await tick()
    expect([stream.wasSent(first), stream.wasSent(second)]).toEqual([true, false])
  })

  test('stops reading while the peer does not read, and continues when it does', async () => {
    const { wire, stream } = ends(false)
    send(stream, 1)
    await tick()
    expect(wire.isPaused()).toBe(true)
    wire.open()
    await tick()
    expect(wire.isPaused()).toBe(false)
  })

  test('ends only after it has sent all queued messages, also those that waited for a slow reader', async () => {
    const { wire, stream } = ends(false)
    send(stream, 1)
    await tick()
    send(stream, 2)
    stream.end()
    wire.open()
    await wire.finished.opened
    expect(wire.bytes).toEqual(Buffer.concat([bytesOf(1), bytesOf(2)]))
  })

  test('does not report messages that were queued after its end as sent', async () => {
    const { wire, stream, closed } = ends(true)
    stream.end()
    const late = send(stream, 1)
    await wire.finished.opened
    await tick()
    expect(stream.wasSent(late)).toBe(false)
    wire.push(null)
    expect(await closed).toBeUndefined()
  })

  test('ends when the peer ends', async () => {
    const { wire, closed } = ends(true)
    wire.push(null)
    await wire.finished.opened
    expect(await closed).toBeUndefined()
  })

  test('answers what came before garbage, then closes', async () => {
    const { wire, stream, received, closed } = ends(true, () => send(stream, 2))
    wire.push(Buffer.concat([bytesOf(1), Buffer.from('GET / HTTP/1.1\r\n'), bytesOf(3)]))
    expect(await closed).toMatchObject({ code: 'ERR_RPCX_FRAME' })
    expect(received.map(({ seq }) => seq)).toEqual([1])
    expect(wire.bytes).toEqual(bytesOf(2))
  })

  test('delivers nothing after its end, but still sees the peer close', async () => {
    const { wire, stream, received, closed } = ends(false)
    send(stream, 1)
    await tick()
    stream.end()
    wire.push(bytesOf(2))
    wire.open()
    wire.push(null)
    expect(await closed).toBeUndefined()
    expect(received).toEqual([])
  })

  test('reports the error that ended it', async () => {
    const { wire, closed } = ends(true)
    const reset = new Error('reset')
    wire.destroy(reset)
    expect(await closed).toBe(reset)
  })
})
