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

/** Receives the messages and events of a stream. */
export interface FrameStreamOwner {
  /** Handles a message. With `reusesMessages`, the object holds another message after this returns. */
  received(message: Message): void
  /**
   * Handles a frame longer than `maxFrameBytes`. Returns whether to skip it and read on. Otherwise, and without this method, the stream
   * ends.
   */
  oversized?(frame: OversizedFrame): boolean
  /** Called when the peer has read all data that it had left unread. */
  drained?(): void
  /** Called once, when the stream has closed. `error` is the cause, if there is one. */
  closed(error: Error | undefined): void
}

/** The limits in bytes that all streams of one client or server share. */
export interface StreamBudgets {
  /** The limit on incomplete frames. */
  readonly unfinished: ByteBudget
  /** The limit on frames that the peer has not read. */
  readonly unread: ByteBudget
}

export interface FrameStreamOptions extends Omit<FrameDecoderOptions, 'onOversized'> {
  readonly clock: Clock
  /** Whether the peer is trusted. When a budget is exceeded, streams of other peers are closed first. @default true */
  readonly isTrusted?: boolean
  /** The budgets that this stream shares with others. @default none */
  readonly budgets?: StreamBudgets
  /**
   * Whether to stop reading while the peer does not read. A server stops, so that a slow reader cannot make it hold ever more replies. A
   * client does not: if both stopped, they could wait for each other for ever.
   */
  readonly pausesReads: boolean
}

/** The messages of one byte stream, in both directions. Writes once per tick. */
export class FrameStream implements ByteHolder {
  readonly clock: Clock
  readonly #stream: Duplex
  readonly #owner: FrameStreamOwner
  readonly #decoder: FrameDecoder
  readonly #pausesReads: boolean
  readonly #budgets: StreamBudgets | undefined
  isTrusted: boolean
  /** The bytes of the budgets that this stream holds, as last reported. */
  #unfinished = 0
  #unread = 0
  /** Whether a written chunk may be overwritten, because the system has copied it. A memory transport passes on the chunk itself. */
  readonly #copies: boolean
  readonly #isInMemory: boolean
  /** Created with the first message to send. */
  #writer: FrameWriter | undefined
  #scheduled = false
  /** Whether some messages of this tick were written already. */
  #hasBegun = false
  #blocked = false
  /** Whether the stream sends nothing more. */
  #isOver = false
  #error: Error | undefined
  #written = 0
  #handedOn = 0
  /** The time at which the last bytes arrived, by the clock. */
  lastReadAt: number = Number.NEGATIVE_INFINITY
  /** Whether any byte has arrived. */
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

  /** Listeners that all streams share: closures per stream would add to the memory of an idle connection. */
  static readonly #listeners = {
    data(this: Framed, chunk: Buffer): void {
      this[FRAMES].#read(chunk, false)
    },
    // Data arrives while the other side writes, in the async context of that side.
    inMemory(this: Framed, chunk: Buffer): void {
      inRoot(() => this[FRAMES].#read(chunk, false))
    },
    lent(this: Framed, chunk: Buffer): void {
      this[FRAMES].#read(chunk, true)
    },
    // A peer that has ended its side reads no more replies.
    end(this: Framed): void {
      this[FRAMES].end()
    },
    drain(this: Framed): void {
      inRoot(() => this[FRAMES].#unblock())
    },
    // A TLS stream reports a broken record but stays open.
    error(this: Framed, error: Error): void {
      this[FRAMES].destroy(error)
    },
    close(this: Framed): void {
      this[FRAMES].#closed()
    },
  }

  /** The number of bytes that wait for the peer to read. */
  get bufferedBytes(): number {
    return (this.#writer?.length ?? 0) + this.#stream.writableLength
  }

  /** Whether the peer has left sent data unread. */
  get isBlocked(): boolean {
    return this.#blocked
  }

  /** The number of the incomplete frame; 0 when there is none. */
  get partial(): number {
    return this.#decoder.partial
  }

  /** Queues a message until the end of this tick, or until enough data is queued. Returns the message's number, for `wasSent`. */
  send(envelope: Envelope, flags: number, payload: Uint8Array, timeoutMs = 0): number {
    if (this.#isOver) return ++this.#written
    this.#writer ??= new FrameWriter()
    this.#writer.write(envelope, flags, payload, timeoutMs)
    this.#queued()
    return this.#written
  }

  /** Queues the reply to a request. */
  reply(request: Message, flags: number, metadata: Metadata, payload: Uint8Array): void {
    if (this.#isOver) return
    this.#writer ??= new FrameWriter()
    this.#writer.writeReply(request, flags, metadata, payload)
    this.#queued()
  }

  /** Queues an error as the reply to a request that was too long and skipped. */
  refuse({ serialize, seq }: OversizedFrame, { code, message }: RpcxError): void {
    const envelope = { serialize, seq, service: '', method: '', metadata: errorMetadata(code, message) }
    this.send(envelope, Flag.response | Flag.error, NOTHING)
  }

  /** Queues the answer to a heartbeat, with the heartbeat's own bytes. */
  echo(heartbeat: Message): void {
    if (this.#isOver) return
    this.#writer ??= new FrameWriter()
    this.#writer.writeEcho(heartbeat.frame)
    this.#queued()
  }

  /** Returns whether any byte of a message may have left this process. */
  wasSent(number: number): boolean {
    return number <= this.#handedOn
  }

  flush(): void {
    this.#scheduled = false
    this.#hasBegun = false
    if (!this.#blocked) this.#write()
  }

  /** Sends all queued data, then ends the stream, even if the peer reads slowly. Ignores data that arrives later. */
  end(): void {
    this.#write()
    this.#isOver = true
    this.#decoder.stop()
    this.#stream.end()
    // A paused stream would not see the end of the other side.
    this.#stream.resume()
  }

  /** Closes the stream now. Queued messages are lost. */
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
    // Replies that are queued while this chunk is read leave in one write, before the end of the tick.
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
    // Data that is queued after the stream has ended is never sent, so it must not count as sent.
    if (writer === undefined || writer.length === 0 || !this.#stream.writable) return
    const chunks = writer.take()
    this.#handedOn = this.#written
    if (chunks.length > 1) this.#stream.cork()
    for (const chunk of chunks) this.#blocked = !this.#stream.write(chunk)
    if (chunks.length > 1) this.#stream.uncork()
    // Usually the system takes all data at once, and no `drain` event follows.
    if (this.#stream.writableLength === 0) {
      this.#blocked = false
      if (this.#copies) writer.recycle()
    }
    if (this.#blocked && this.#pausesReads) this.#stream.pause()
    if (this.#blocked || this.#unread > 0) this.#holdUnread()
  }

  #queued(): void {
    this.#written++
    // An early write lets the peer start while this side goes on.
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
    // In memory, the reply would arrive before `send` returns, and the caller does not expect it yet.
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

/** The event for data in memory that is overwritten afterwards. Other data arrives as `data`. */
export const LENT = 'lent'

const NOTHING: Uint8Array = new Uint8Array(0)
const FLUSH_BYTES = 64 * 1024
// A smaller incomplete frame does not count towards the budget.
const LITTLE_BYTES = 64 * 1024
// The number of messages after which the first write of a tick starts. Without it, client and server would take turns instead of working in
// parallel.
const FIRST_FRAMES = 32
// The same for further writes of a tick: with a limit in bytes alone, too many small calls would wait.
const NEXT_FRAMES = 256

function flush(stream: FrameStream): void {
  stream.flush()
}

/** The property of a stream that holds its `FrameStream`. */
const FRAMES: unique symbol = Symbol('rpcx.frames')
type Framed = Duplex & { readonly [FRAMES]: FrameStream }
