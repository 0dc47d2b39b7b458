import type { Metadata } from '../call-metadata.ts'
import { NO_METADATA } from '../call-metadata.ts'
import type { Envelope } from './envelope.ts'
import { FrameHead, TIMEOUT_BYTES } from './frame-head.ts'
import { Flag, Offset, writeSeq } from './header.ts'
import type { Message } from './message.ts'
import { maxPairBytes, writePairs } from './pairs.ts'
import { SLAB_BYTES, Slab } from './slab.ts'

/** Encodes all frames of a tick into one buffer, so that a connection writes once per tick. A buffer per frame would be slower. */
export class FrameWriter {
  readonly #head = new FrameHead()
  #slab: Slab | undefined
  #start = 0
  /** The slab of the last chunk that `take` returned. */
  #taken: Slab | undefined
  /** Chunks with the frames of this tick that are in earlier slabs. */
  #full: Buffer[] = []
  #bytes = 0

  /** The number of bytes written since the last `take`. */
  get length(): number {
    return this.#bytes
  }

  /**
   * Writes a frame.
   * @param flags byte 2 of the header: see `Flag`
   * @param payload already compressed if `flags` say so
   * @param timeoutMs written as the metadata pair `__ServerTimeout`, in whole milliseconds; 0: no such pair
   */
  write(envelope: Envelope, flags: number, payload: Uint8Array, timeoutMs = 0): void {
    const { service, method, metadata, seq } = envelope
    const most =
      Offset.body +
      16 +
      TIMEOUT_BYTES +
      3 * (service.length + method.length) +
      maxPairBytes(metadata) +
      payload.length
    const slab = this.#room(most)
    const { bytes, view, used: start } = slab
    const at = this.#head.write(envelope, timeoutMs, slab, start)
    bytes[start + Offset.flags] = flags
    writeSeq(view, seq, start + Offset.seq)
    this.#endFrame(slab, at, payload)
  }

  /** Writes the reply to a request. Copies header and names of the request instead of encoding them again. */
  writeReply(request: Message, flags: number, metadata: Metadata, payload: Uint8Array): void {
    const slab = this.#room(request.headBytes + 8 + maxPairBytes(metadata) + payload.length)
    const { bytes, view, used: start } = slab
    const pairs = request.copyHead(slab, start) + 4
    bytes[start + Offset.flags] = flags
    const at = metadata === NO_METADATA ? pairs : writePairs(slab, metadata, pairs)
    view.setUint32(pairs - 4, at - pairs)
    this.#endFrame(slab, at, payload)
  }

  /** Writes the answer to a heartbeat: the same bytes with the response flag. */
  writeEcho(frame: Buffer): void {
    const slab = this.#room(frame.length)
    const start = slab.used
    slab.bytes.set(frame, start)
    slab.bytes[start + Offset.flags] = (frame[Offset.flags] as number) | Flag.response
    this.#end(slab, start + frame.length)
  }

  /** Returns the bytes written since the last `take`, in chunks that belong to the caller. */
  take(): Buffer[] {
    const slab = this.#slab
    if (slab === undefined) return []
    const full = this.#full
    const last = slab.bytes.subarray(this.#start, slab.used)
    this.#bytes = 0
    this.#slab = undefined
    this.#taken = slab
    release(slab)
    if (full.length === 0) return [last]
    this.#full = []
    return [...full, last]
  }

  /**
   * Reuses the memory of the last `take`, which is still in the processor's cache. To be called before the next write, and only when the
   * chunks are no longer needed.
   */
  recycle(): void {
    const taken = this.#taken
    this.#taken = undefined
    if (taken === undefined) return
    taken.used = this.#start
    const { length } = taken.bytes
    if (length > SLAB_BYTES && length <= MAX_LONG_BYTES) long = taken
  }

  #room(most: number): Slab {
    const slab = this.#slab
    if (slab !== undefined && slab.left >= most) return slab
    if (slab !== undefined && slab.used > this.#start)
      this.#full.push(slab.bytes.subarray(this.#start, slab.used))
    const next = acquire(most)
    this.#slab = next
    this.#start = next.used
    return next
  }

  #endFrame(slab: Slab, at: number, payload: Uint8Array): void {
    const { bytes, view, used: start } = slab
    const { length } = payload
    view.setUint32(at, length)
    // For short payloads, a loop in JavaScript is faster than a call into C++.
    if (length > 32) bytes.set(payload, at + 4)
    else for (let i = 0; i < length; i++) bytes[at + 4 + i] = payload[i] as number
    const end = at + 4 + length
    view.setUint32(start + Offset.length, end - start - Offset.body)
    this.#end(slab, end)
  }

  #end(slab: Slab, at: number): void {
    this.#bytes += at - slab.used
    slab.used = at
  }
}

// A slab with less room is not reused.
const REST_BYTES = 4 * 1024

// Slabs that connections share, so that an idle connection holds no buffer.
const spare: Slab[] = []
// One buffer for the next long frame. The system provides new memory page by page, which is slow.
let long: Slab | undefined
const MAX_LONG_BYTES = 4 * 1024 * 1024

function acquire(most: number): Slab {
  if (most > SLAB_BYTES) {
    const slab = long
    long = undefined
    return slab !== undefined && slab.bytes.length >= most ? slab : new Slab(most)
  }
  const slab = spare.pop()
  if (slab !== undefined && slab.left >= most) return slab
  return new Slab()
}

function release(slab: Slab): void {
  if (slab.left >= REST_BYTES && slab.bytes.length === SLAB_BYTES && spare.length < 16) spare.push(slab)
}
