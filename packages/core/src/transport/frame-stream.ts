import type { Duplex } from 'node:stream'
import type { Metadata } from '../call-metadata.ts'
import type { Clock } from '../clock.ts'
import type { RpcxError } from '../errors.ts'
import { isRpcxError } from '../errors.ts'
import { reasonOf } from '../reason.ts'
import { inRoot } from '../root.ts'
import type { Envelope } from '../wire/envelope.ts'
import type { FrameDecoderOptions, OversizedFrame } from '../wire/frame-decoder.ts'
import { FrameDecoder } from '../wire/frame-decoder.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { Flag } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import { errorMetadata } from '../wire/reply-error.ts'
import type { ByteBudget, ByteHolder } from './byte-budget.ts'
import { transportOf } from './transport.ts'

/** Who is told what a stream brings. */
export interface FrameStreamOwner {
  /** With `reusesMessages`, the message is another one once this returns. */
  received(message: Message): void
  /** A frame is longer than `maxFrameBytes`. Returns whether to read on behind it; else the stream ends, as it does for an owner without. */
  oversized?(frame: OversizedFrame): boolean
  /** The peer has read all that it had left unread for a while. */
  drained?(): void
  /** Once, when the stream is gone: with the error that ended it, if one did. */
  closed(error: Error | undefined): void
}

/** What the streams of one client or server may hold together, in bytes. */
export interface StreamBudgets {
  /** Of frames that have begun and not ended. */
  readonly unfinished: ByteBudget
  /** Of frames that wait for the peer to read them. */
  readonly unread: ByteBudget
}

export interface FrameStreamOptions extends Omit<FrameDecoderOptions, 'onOversized'> {
  readonly clock: Clock
  /** Whether the peer is known: strangers are the first to be closed when a budget is exceeded. @default true */
  readonly isTrusted?: boolean
  /** @default none: only the limits of the single frame and of the single stream count */
  readonly budgets?: StreamBudgets
  /**
   * Whether to stop reading while the peer does not read what we write. A server does, so that a slow reader cannot
   * make it hold ever more replies; if clients did too, both could wait for each other.
   */
  readonly pausesReads: boolean
}

/** Messages over one byte stream, both ways, written once per tick. */
export class FrameStream implements ByteHolder {
  readonly clock: Clock
  readonly #stream: Duplex
  readonly #owner: FrameStreamOwner
  readonly #decoder: FrameDecoder
  readonly #pausesReads: boolean
  readonly #budgets: StreamBudgets | undefined
  isTrusted: boolean
  /** What it holds of the budgets, as far as they were told. */
  #unfinished = 0
  #unread = 0
  /** Whether what was written is no longer needed: the system has a copy. In memory, the reader gets the very bytes. */
  readonly #copies: boolean
  readonly #isInMemory: boolean
  /** Only once there is something to send. */
  #writer: FrameWriter | undefined
  #scheduled = false
  /** Whether some of this tick's messages have left already. */
  #hasBegun = false
  #blocked = false
  /** Whether nothing that is written leaves any more. */
  #isOver = false
  #error: Error | undefined
  #written = 0
  #handedOn = 0
  /** When the last bytes came, by the clock. */
  lastReadAt: number
  /** Whether anything came at all. */
  hasRead = false

  constructor(stream: Duplex, owner: FrameStreamOwner, options: FrameStreamOptions) {
    this.clock = options.clock
    this.lastReadAt = this.clock.now()
    this.#stream = stream
    this.#owner = owner
    const { maxFrameBytes, reusesMessages = false } = options
    this.#decoder = new FrameDecoder(message => owner.received(message), {
      maxFrameBytes,
      reusesMessages,
      onOversized: frame => owner.oversized?.(frame) ?? false,
    })
    this.#pausesReads = options.pausesReads
    this.#budgets = options.budgets
    this.isTrusted = options.isTrusted ?? true
    const transport = transportOf(stream)
    this.#copies = transport?.copiesWrites ?? false
    this.#isInMemory = transport?.isInMemory ?? false
    const framed: Framed = Object.assign(stream, { [FRAMES]: this })
    const { data, inMemory, lent, end, drain, error, close } = FrameStream.#listeners
    framed
      .on('data', this.#isInMemory ? inMemory : data)
      .on(LENT, lent)
      .on('end', end)
    framed.on('drain', drain).on('error', error).on('close', close)
  }

  /** Shared by all streams: closures of its own would make an idle connection a tenth larger. */
  static readonly #listeners = {
    data(this: Framed, chunk: Buffer): void {
      this[FRAMES].#read(chunk, false)
    },
    // It comes while the other side writes, in the context of whoever it writes for.
    inMemory(this: Framed, chunk: Buffer): void {
      inRoot(() => this[FRAMES].#read(chunk, false))
    },
    lent(this: Framed, chunk: Buffer): void {
      this[FRAMES].#read(chunk, true)
    },
    // A peer that has said goodbye reads no more replies.
    end(this: Framed): void {
      this[FRAMES].end()
    },
    drain(this: Framed): void {
      inRoot(() => this[FRAMES].#unblock())
    },
    // A stream under TLS tells of a broken record and lives on.
    error(this: Framed, error: Error): void {
      this[FRAMES].destroy(error)
    },
    close(this: Framed): void {
      this[FRAMES].#closed()
    },
  }

  /** Bytes that wait for the peer to read. */
  get bufferedBytes(): number {
    return (this.#writer?.length ?? 0) + this.#stream.writableLength
  }

  /** Whether the peer leaves unread what was sent. */
  get isBlocked(): boolean {
    return this.#blocked
  }

  /** The number of the frame of which only a part has come; 0 when there is none. */
  get partial(): number {
    return this.#decoder.partial
  }

  /** Queues a message for the end of this tick, or until there is a good deal to send. Returns its number, for `wasSent`. */
  send(envelope: Envelope, flags: number, payload: Uint8Array, timeoutMs = 0): number {
    if (this.#isOver) return ++this.#written
    this.#writer ??= new FrameWriter()
    this.#writer.write(envelope, flags, payload, timeoutMs)
    this.#queued()
    return this.#written
  }

  /** Answers a request. */
  reply(request: Message, flags: number, metadata: Metadata, payload: Uint8Array): void {
    if (this.#isOver) return
    this.#writer ??= new FrameWriter()
    this.#writer.writeReply(request, flags, metadata, payload)
    this.#queued()
  }

  /** Answers a request that is too long and was left out. */
  refuse({ serialize, seq }: OversizedFrame, { code, message }: RpcxError): void {
    const envelope = { serialize, seq, service: '', method: '', metadata: errorMetadata(code, message) }
    this.send(envelope, Flag.response | Flag.error, NOTHING)
  }

  /** Answers a heartbeat with its own bytes. */
  echo(heartbeat: Message): void {
    if (this.#isOver) return
    this.#writer ??= new FrameWriter()
    this.#writer.writeEcho(heartbeat.frame)
    this.#queued()
  }

  /** Whether any byte of that message may have left this process. */
  wasSent(number: number): boolean {
    return number <= this.#handedOn
  }

  flush(): void {
    this.#scheduled = false
    this.#hasBegun = false
    if (!this.#blocked) this.#write()
  }

  /** Sends what is queued, however slowly the peer reads, then says goodbye. Nothing that comes later is answered. */
  end(): void {
    this.#write()
    this.#isOver = true
    this.#decoder.stop()
    this.#stream.end()
    // A stream that is paused would not see the other side's goodbye.
    this.#stream.resume()
  }

  /** Ends the stream now. Messages that are queued are lost. */
  destroy(error?: Error): void {
    this.#error ??= error
    this.#isOver = true
    this.#writer = undefined
    this.#decoder.stop()
    this.#stream.destroy()
  }

  #read(chunk: Buffer, isLent: boolean): void {
    this.lastReadAt = this.clock.now()
    this.hasRead = true
    // What is answered at once leaves in one write, without waiting for the end of the tick.
    this.#scheduled = true
    try {
      this.#decoder.push(chunk, isLent)
    } catch (error) {
      this.flush()
      this.destroy(isRpcxError(error) ? error : new Error(`rpcx: ${reasonOf(error)}`, { cause: error }))
      return
    }
    const { partialBytes } = this.#decoder
    if (partialBytes > LITTLE_BYTES || this.#unfinished > 0) this.#holdUnfinished(partialBytes)
    this.flush()
  }

  #write(): void {
    const writer = this.#writer
    // What is queued after our goodbye never leaves, and must not count as sent.
    if (writer === undefined || writer.length === 0 || !this.#stream.writable) return
    const chunks = writer.take()
    this.#handedOn = this.#written
    if (chunks.length > 1) this.#stream.cork()
    for (const chunk of chunks) this.#blocked = !this.#stream.write(chunk)
    if (chunks.length > 1) this.#stream.uncork()
    // The system mostly takes all at once; then there is nothing to wait for.
    if (this.#stream.writableLength === 0) {
      this.#blocked = false
      if (this.#copies) writer.recycle()
    }
    if (this.#blocked && this.#pausesReads) this.#stream.pause()
    if (this.#blocked || this.#unread > 0) this.#holdUnread()
  }

  #queued(): void {
    this.#written++
    // The peer begins with these while we go on.
    if (this.#isWorthAWrite() && !this.#blocked) {
      this.#hasBegun = true
      this.#write()
    }
    if (this.#blocked) this.#holdUnread()
    if (!this.#scheduled) {
      this.#scheduled = true
      process.nextTick(flush, this)
    }
  }

  #holdUnfinished(bytes: number): void {
    if (this.#stream.destroyed) return
    this.#unfinished = bytes
    this.#budgets?.unfinished.set(this, bytes)
  }

  #holdUnread(): void {
    if (this.#stream.destroyed) return
    this.#unread = this.#blocked ? this.bufferedBytes : 0
    this.#budgets?.unread.set(this, this.#unread)
  }

  #isWorthAWrite(): boolean {
    // In memory, the answer would come before `send` returns, to a caller that does not expect it yet.
    if (this.#isInMemory) return false
    if ((this.#writer as FrameWriter).length >= FLUSH_BYTES) return true
    return this.#written - this.#handedOn >= (this.#hasBegun ? NEXT_FRAMES : FIRST_FRAMES)
  }

  #unblock(): void {
    this.#blocked = false
    if (this.#pausesReads) this.#stream.resume()
    if (this.#unread > 0) this.#holdUnread()
    this.flush()
    if (!this.#blocked) this.#owner.drained?.()
  }

  #closed(): void {
    this.#isOver = true
    this.#writer = undefined
    this.#decoder.stop()
    this.#budgets?.unfinished.set(this, 0)
    this.#budgets?.unread.set(this, 0)
    this.#owner.closed(this.#error)
  }
}

/** The event of a stream that has read into memory which is overwritten afterwards; all else comes as `data`. */
export const LENT = 'lent'

const NOTHING: Uint8Array = new Uint8Array(0)
const FLUSH_BYTES = 64 * 1024
// What every connection may hold of a frame that has begun, without anybody counting.
const LITTLE_BYTES = 64 * 1024
// Else client and server would take turns instead of working side by side: with 100 small calls under way, this doubles their rate.
const FIRST_FRAMES = 32
// The same for 1 000, where it brings 6 %: bytes alone would let too many of the smallest calls wait.
const NEXT_FRAMES = 256

function flush(stream: FrameStream): void {
  stream.flush()
}

/** Where a stream finds its messages. */
const FRAMES: unique symbol = Symbol('rpcx.frames')
type Framed = Duplex & { readonly [FRAMES]: FrameStream }
