import type { OutgoingMessage } from './frame-writer.ts'
import { MAGIC, Offset, ReservedKey } from './header.ts'
import { NO_METADATA, writePairs } from './pairs.ts'
import { writeText } from './text.ts'

/**
 * What a frame has before its payload. Most frames of a connection begin like the one before, but for the number: a copy of
 * that head is at hand, since making it anew takes 10 % of a call.
 */
export class FrameHead {
  #bytes: Buffer | undefined
  #length = 0
  #service = ''
  #method = ''
  #timeoutMs = 0
  #serialize = 0

  /** Writes all up to the payload's length, but for flags, number and length of the frame; returns the offset behind it. */
  write(message: OutgoingMessage, bytes: Buffer, start: number): number {
    if (!this.#fits(message)) return this.#make(message, bytes, start)
    const head = this.#bytes as Buffer
    const length = this.#length
    for (let i = 0; i < length; i++) bytes[start + i] = head[i] as number
    return start + length
  }

  #fits({ service, method, metadata, timeoutMs = 0, serialize }: OutgoingMessage): boolean {
    return (
      // Metadata may change from call to call without notice.
      metadata === NO_METADATA &&
      this.#length > 0 &&
      method === this.#method &&
      timeoutMs === this.#timeoutMs &&
      service === this.#service &&
      serialize === this.#serialize
    )
  }

  #make(message: OutgoingMessage, bytes: Buffer, start: number): number {
    const { service, method, metadata, timeoutMs = 0, serialize } = message
    bytes[start] = MAGIC
    bytes[start + Offset.version] = 0
    bytes[start + Offset.serialize] = serialize << 4
    let at = writeText(bytes, service, start + Offset.body)
    at = writeText(bytes, method, at)
    const pairs = at + 4
    at = metadata === NO_METADATA ? pairs : writePairs(bytes, metadata, pairs)
    if (timeoutMs > 0) at = writeText(bytes, String(timeoutMs), writeText(bytes, ReservedKey.timeout, at))
    bytes.writeUInt32BE(at - pairs, pairs - 4)
    if (metadata !== NO_METADATA || at - start > LONGEST) return at
    this.#bytes ??= Buffer.allocUnsafeSlow(LONGEST)
    for (let i = start; i < at; i++) this.#bytes[i - start] = bytes[i] as number
    this.#length = at - start
    this.#service = service
    this.#method = method
    this.#timeoutMs = timeoutMs
    this.#serialize = serialize
    return at
  }
}

/** The most that the pair of a deadline takes. */
export const TIMEOUT_BYTES: number = 4 + ReservedKey.timeout.length + 4 + 16

const LONGEST = 256
