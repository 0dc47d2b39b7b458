import { RpcxError } from '../errors.ts'
import { Block } from './block.ts'
import { foreignError } from './foreign.ts'
import type { Seq } from './header.ts'
import { MAGIC, Offset, readSeq } from './header.ts'
import { Message } from './message.ts'
import { SLAB_BYTES, Slab } from './slab.ts'

/** What a peer may send before its connection is closed. */
export interface FrameLimits {
  /** The longest body of a frame, in bytes, also after decompression. @default 16 MiB */
  readonly maxFrameBytes: number
}

/** What the header of a frame says that is too long to be read. */
export interface OversizedFrame {
  /** Byte 2 of the header: see `Flag`. */
  readonly flags: number
  readonly serialize: number
  readonly seq: Seq
  /** The length of its body, and the limit that it exceeds. */
  readonly bytes: number
  readonly maxFrameBytes: number
}

export interface FrameDecoderOptions extends FrameLimits {
  /**
   * Returns whether to leave out a frame that is longer than `maxFrameBytes`, but not so long that its length must be a lie, and to read
   * on behind it. @default none: the stream is unusable then
   */
  readonly onOversized?: (frame: OversizedFrame) => boolean
  /**
   * Whether one object stands for all messages of a read, each until the next, and `kept()` is for who needs one for longer: objects of
   * their own are a tenth of the memory that a call goes through. @default false
   */
  readonly reusesMessages?: boolean
}

/** Cuts a byte stream into messages. A whole frame is not copied, unless its chunk is lent; one that spans chunks is joined. */
export class FrameDecoder {
  readonly #onMessage: (message: Message) => void
  readonly #maxFrameBytes: number
  readonly #reusesMessages: boolean
  readonly #onOversized: (frame: OversizedFrame) => boolean
  /** The beginning of a frame whose rest has not come yet, and how much of it is filled. */
  #partial: Buffer = EMPTY
  #filled = 0
  #partials = 0
  /** How much of a frame that is left out is still to come. */
  #leftOut = 0
  #isFirst = true
  #stopped = false

  constructor(onMessage: (message: Message) => void, options: FrameDecoderOptions) {
    this.#onMessage = onMessage
    this.#maxFrameBytes = options.maxFrameBytes
    this.#reusesMessages = options.reusesMessages ?? false
    this.#onOversized = options.onOversized ?? (() => false)
  }

  /** The number of the frame that has begun and whose rest has not come yet; 0 when there is none. */
  get partial(): number {
    return this.#filled === 0 && this.#leftOut === 0 ? 0 : this.#partials
  }

  /** How much of that frame is kept. */
  get partialBytes(): number {
    return this.#filled
  }

  /**
   * Hands on each message that `chunk` completes.
   * @param isLent whether the chunk is overwritten afterwards, so that whole frames are copied after all
   * @throws `ERR_RPCX_FRAME`; the stream is then unusable
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

  /** Hands on the messages between two places, and keeps what is left. */
  #cut(block: Block, at: number, end: number): void {
    const { bytes, view } = block
    let message: Message | undefined
    while (!this.#stopped && at < end) {
      // Before the rest of the header is there: a peer that speaks another protocol may wait for us to close.
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

  /** Hands on nothing more, not even what the current chunk still holds. */
  stop(): void {
    this.#stopped = true
    this.#partial = EMPTY
    this.#filled = 0
  }

  /** Completes the partial frame from `chunk` as far as it goes; returns how much of `chunk` that took. */
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

  /** Has the frame with that header left out. @throws `ERR_RPCX_FRAME` when nobody wants that */
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

  /** Passes over what is left out; returns where the next frame begins. */
  #leaveOut(at: number, end: number): number {
    const length = Math.min(this.#leftOut, end - at)
    this.#leftOut -= length
    return at + length
  }

  /** Grows by what really came, not by what a header promises, so that a lie costs the liar as much as us. */
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

// Memory for many reads, one after the other: to allocate for each of them takes a tenth of a call with 100 under way.
let current: Slab | undefined

function slabFor(bytes: number): Slab {
  // What is kept of one read keeps what it shares memory with alive: that is not to be more than a read can bring.
  if (bytes > SLAB_BYTES / 2) return new Slab(bytes)
  if (current === undefined || current.left < bytes) current = new Slab()
  return current
}

/** Whether the frame at that place is there to its end. */
function hasWhole(chunk: Buffer, at: number): boolean {
  const left = chunk.length - at
  return left >= Offset.body && Offset.body + chunk.readUInt32BE(at + Offset.length) <= left
}

/** @param what is too long, for the message: `frame`, `Arith.Mul: the reply` */
export function oversizedError(
  what: string,
  { bytes, maxFrameBytes }: Pick<OversizedFrame, 'bytes' | 'maxFrameBytes'>,
): RpcxError {
  return new RpcxError('ERR_RPCX_FRAME', `${what}: ${bytes} bytes, more than maxFrameBytes ${maxFrameBytes}`)
}

const EMPTY = Buffer.alloc(0)
/** The size of a frame whose header has not come yet. */
const UNKNOWN = Number.POSITIVE_INFINITY
// Of a large piece of memory, what is not filled takes none: the system gives it by pages. Growing by 4 took a quarter of a call of 1 MiB.
const LARGE = 32 * 1024
// Nobody sends a frame that is so much longer than it may be: its sender lies, and would have us read for ever.
const MOST_TIMES_TOO_LONG = 16
