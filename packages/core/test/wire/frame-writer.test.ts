import { describe, expect, test } from 'vitest'
import { NO_METADATA } from '../../src/call-metadata.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'

function write(writer: FrameWriter, text: string): void {
  const envelope = { serialize: 0, seq: 1, service: 'S', method: 'M', metadata: NO_METADATA }
  writer.write(envelope, 0, Buffer.from(text))
}

function written(writer: FrameWriter, text: string): Buffer {
  write(writer, text)
  return Buffer.concat(writer.take())
}

// Short frames, which share their memory, and a long one with its own.
describe.each([1, 20_000])('the memory of a frame writer, for messages of %i words', words => {
  const [first, other, second] = ['first', 'other', 'secon'].map(word => word.repeat(words)) as [
    string,
    string,
    string,
  ]

  test('is written by no writer while its reader may still need it', () => {
    const [one, two] = [new FrameWriter(), new FrameWriter()]
    write(one, first)
    const [chunk] = one.take()
    const before = Buffer.from(chunk as Buffer)
    for (const writer of [one, two]) for (let i = 0; i < 1_000; i++) written(writer, other)
    expect(chunk).toEqual(before)
  })

  test('is used again after it is recycled', () => {
    const writer = new FrameWriter()
    write(writer, first)
    const [chunk] = writer.take()
    writer.recycle()
    expect(written(writer, other)).toEqual(Buffer.from(chunk as Buffer))
    expect(chunk?.toString()).toContain(other)
  })

  test('can be recycled only once, and later frames stay intact', () => {
    const writer = new FrameWriter()
    write(writer, first)
    writer.take()
    writer.recycle()
    write(writer, second)
    writer.recycle()
    expect(Buffer.concat(writer.take()).toString()).toContain(second)
  })
})
