import { NO_METADATA } from '../call-metadata.ts'
import type { Block } from './block.ts'
import type { Envelope } from './envelope.ts'
import { MAGIC, Offset, ReservedKey } from './header.ts'
import { writePairs } from './pairs.ts'
import { writeText } from './text.ts'

/**
 * The part of a frame before its payload. Most frames of a connection differ from the previous one only in their number. Copying the
 * previous head is faster than encoding it again.
 */
export class FrameHead {
  #bytes: Buffer | undefined
  #service = ''
  #method = ''
  #timeoutMs = 0
  #serialize = 0

  /** Writes everything before the payload's length, except the flags, number and length of the frame. Returns the offset behind it. */
  write(envelope: Envelope, timeoutMs: number, block: Block, start: number): number {
    const head = this.#bytes
    if (head === undefined || !this.#fits(envelope, timeoutMs))
      return this.#make(envelope, timeoutMs, block, start)
    block.bytes.set(head, start)
    return start + head.length
  }

  #fits({ service, method, metadata, serialize }: Envelope, timeoutMs: number): boolean {
    return (
      // Metadata objects are not compared: their content may have changed.
      metadata === NO_METADATA &&
      method === this.#method &&
      timeoutMs === this.#timeoutMs &&
      service === this.#service &&
      serialize === this.#serialize
    )
  }

  #make(envelope: Envelope, timeoutMs: number, block: Block, start: number): number {
    const { service, method, metadata, serialize } = envelope
    const { bytes, view } = block
    bytes[start] = MAGIC
    bytes[start + Offset.version] = 0
    bytes[start + Offset.serialize] = serialize << 4
    let at = writeText(block, service, start + Offset.body)
    at = writeText(block, method, at)
    const pairs = at + 4
    at = metadata === NO_METADATA ? pairs : writePairs(block, metadata, pairs)
    if (timeoutMs > 0) at = writeText(block, String(timeoutMs), writeText(block, ReservedKey.timeout, at))
    view.setUint32(pairs - 4, at - pairs)
    if (metadata !== NO_METADATA || at - start > LONGEST) return at
    this.#bytes = Buffer.from(bytes.subarray(start, at))
    this.#service = service
    this.#method = method
    this.#timeoutMs = timeoutMs
    this.#serialize = serialize
    return at
  }
}

/** The maximum size of the metadata pair with the deadline. */
export const TIMEOUT_BYTES: number = 4 + ReservedKey.timeout.length + 4 + 16

const LONGEST = 256
