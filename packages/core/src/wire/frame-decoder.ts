import { RpcxError } from '../errors.ts'
import { Block } from './block.ts'
import { foreignError } from './foreign.ts'
import type { Seq } from './header.ts'
import { MAGIC, Offset, readSeq } from './header.ts'
import { Message } from './message.ts'
import { SLAB_BYTES, Slab } from './slab.ts'

/** The limits on frames of a peer, above which its connection is closed. */
export interface FrameLimits {
  /** The maximum size of a frame's body in bytes, also after decompression. @default 16 MiB */
  readonly maxFrameBytes: number
}

/** The header of a frame that is too long to read. */
export interface OversizedFrame {
  /** Byte 2 of the header: see `Flag`. */
  readonly flags: number
  readonly serialize: number
  readonly seq: Seq
  /** The length of the body, and the limit that it exceeds. */
  readonly bytes: number
  readonly maxFrameBytes: number
}

export interface FrameDecoderOptions extends FrameLimits {
  /**
   * Returns whether to skip a frame that is longer than `maxFrameBytes`, and read on. Not called for lengths that are implausible.
   * @default none: such a frame makes the stream unusable
   */
  readonly onOversized?: (frame: OversizedFrame) => boolean
  /**
   * Whether one object serves for all messages of a chunk, each until the next one. Use `kept()` to keep a message. This saves memory
   * per call. @default false
   */
  readonly reusesMessages?: boolean
}

/** Splits a byte stream into messages. Copies a whole frame only when its chunk is lent, and joins a frame that spans several chunks. */
export class FrameDecoder {
  readonly #onMessage: (message: Message) => void
  readonly #maxFrameBytes: number
  readonly #reusesMessages: boolean
  readonly #onOversized: (frame: OversizedFrame) => boolean
  /** The first part of an incomplete frame, and how much of the buffer is filled. */
  #partial: Buffer = EMPTY
  #filled = 0
  #partials = 0
  /** The number of bytes of a skipped frame that are still to come. */
  #leftOut = 0
  #isFirst = true
  #stopped = false

  constructor(onMessage: (message: Message) => void, options: FrameDecoderOptions) {
    this.#onMessage = onMessage
    this.#maxFrameBytes = options.maxFrameBytes
    this.#reusesMessages = options.reusesMessages ?? false
    this.#onOversized = options.onOversized ?? (() => false)
  }

  /** The number of the incomplete frame; 0 when there is none. */
  get partial(): number {
    return this.#filled === 0 && this.#leftOut === 0 ? 0 : this.#partials
  }

  /** The number of bytes of that frame that are kept. */
  get partialBytes(): number {
    return this.#filled
  }

  /**
   * Passes on each message that `chunk` completes.
   * @param isLent whether the chunk is overwritten afterwards, so that whole frames have to be copied
   * @throws `ERR_RPCX_FRAME`, after which the stream is unusable
   */
  push(chunk: Buffer, isLent = false): void {
    let at = this.#filled === 0 ? 0 : this.#resume(chunk)
    if (this.#leftOut > 0) at = this.#leaveOut(at, chunk.length)
    if (!isLent || !hasWhole(chunk, at)) {
      this.#cut(new Block(chunk), at, chunk.length)
      return
    }
    const slab = slabFor(chunk.length - at)
    const start = slab.used
    slab.used += chunk.copy(slab.bytes, start, at)
    this.#cut(slab, start, slab.used)
  }

  /** Passes on the messages between two offsets, and keeps the rest. */
  #cut(block: Block, at: number, end: number): void {
    const { bytes, view } = block
    let message: Message | undefined
    while (!this.#stopped && at < end) {
      // Checked before the header is complete: a peer with another protocol may send nothing more until this side closes.
      if (bytes[at] !== MAGIC) throw foreignError(bytes.subarray(at, end), this.#isFirst)
      this.#isFirst = false
      const left = end - at
      const size = left < Offset.body ? UNKNOWN : Offset.body + view.getUint32(at + Offset.length)
      if (size !== UNKNOWN && size - Offset.body > this.#maxFrameBytes) {
        this.#refuse(view, at)
        at = this.#leaveOut(at + Offset.body, end)
        continue
      }
      if (size > left) {
        this.#partials++
        this.#keep(bytes, at, end, size)
        return
      }
      const start = at
      at += size
      if (message !== undefined && this.#reusesMessages) message.moveTo(start, at)
      else message = new Message(block, start, at)
      this.#onMessage(message)
    }
  }

  /** Stops passing on messages, including those in the current chunk. */
  stop(): void {
    this.#stopped = true
    this.#partial = EMPTY
    this.#filled = 0
  }

  /** Adds bytes of `chunk` to the incomplete frame. Returns the number of bytes added. */
  #resume(chunk: Buffer): number {
    let at = 0
    if (this.#filled < Offset.body) {
      at = Math.min(Offset.body - this.#filled, chunk.length)
      this.#keep(chunk, 0, at, UNKNOWN)
      if (this.#filled < Offset.body) return at
    }
    const head = this.#partial
    const size = Offset.body + head.readUInt32BE(Offset.length)
    if (size - Offset.body > this.#maxFrameBytes) {
      this.#partial = EMPTY
      this.#filled = 0
      this.#refuse(new DataView(head.buffer, head.byteOffset, head.length), 0)
      return at
    }
    const end = Math.min(at + size - this.#filled, chunk.length)
    this.#keep(chunk, at, end, size)
    if (this.#filled === size) {
      const frame = this.#partial
      this.#partial = EMPTY
      this.#filled = 0
      this.#onMessage(new Message(new Block(frame), 0, size))
    }
    return end
  }

  /** Skips the frame with this header. @throws `ERR_RPCX_FRAME` when `onOversized` does not allow that */
  #refuse(view: DataView, at: number): void {
    const maxFrameBytes = this.#maxFrameBytes
    const bytes = view.getUint32(at + Offset.length)
    const flags = view.getUint8(at + Offset.flags)
    const serialize = view.getUint8(at + Offset.serialize) >> 4
    const isHonest = bytes <= maxFrameBytes * MOST_TIMES_TOO_LONG
    if (
      !isHonest ||
      !this.#onOversized({ flags, serialize, seq: readSeq(view, at + Offset.seq), bytes, maxFrameBytes })
    )
      throw oversizedError('frame', { bytes, maxFrameBytes })
    this.#partials++
    this.#leftOut = bytes
  }

  /** Skips bytes of a skipped frame. Returns the offset of the next frame. */
  #leaveOut(at: number, end: number): number {
    const length = Math.min(this.#leftOut, end - at)
    this.#leftOut -= length
    return at + length
  }

  /**
   * Allocates by the bytes that have arrived, not by the length in the header. A false length then costs the sender as much as this side.
   */
  #keep(chunk: Buffer, start: number, end: number, size: number): void {
    const needed = this.#filled + end - start
    if (needed > this.#partial.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(size, needed * (needed < LARGE ? 4 : 32)))
      this.#partial.copy(grown, 0, 0, this.#filled)
      this.#partial = grown
    }
    chunk.copy(this.#partial, this.#filled, start, end)
    this.#filled = needed
  }
}

// Memory that many reads share, because an allocation for each read is slow.
let current: Slab | undefined

function slabFor(bytes: number): Slab {
  // A message that is kept keeps its whole slab alive. A large read gets its own slab, so that it keeps no other reads alive.
  if (bytes > SLAB_BYTES / 2) return new Slab(bytes)
  if (current === undefined || current.left < bytes) current = new Slab()
  return current
}

/** Returns whether the frame at this offset is complete. */
function hasWhole(chunk: Buffer, at: number): boolean {
  const left = chunk.length - at
  return left >= Offset.body && Offset.body + chunk.readUInt32BE(at + Offset.length) <= left
}

/** @param what describes the frame in the message: `frame`, `Arith.Mul: the reply` */
export function oversizedError(
  what: string,
  { bytes, maxFrameBytes }: Pick<OversizedFrame, 'bytes' | 'maxFrameBytes'>,
): RpcxError {
  return new RpcxError('ERR_RPCX_FRAME', `${what}: ${bytes} bytes, more than maxFrameBytes ${maxFrameBytes}`)
}

const EMPTY = Buffer.alloc(0)
/** The size of a frame whose header is incomplete. */
const UNKNOWN = Number.POSITIVE_INFINITY
// From this size on, buffers grow faster. The system provides large buffers page by page, so the unused part takes no memory.
const LARGE = 32 * 1024
// A length beyond this multiple of the limit must be false. Skipping such a frame could take for ever.
const MOST_TIMES_TOO_LONG = 16
