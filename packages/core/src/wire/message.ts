import type { Metadata } from '../call-metadata.ts'
import { RpcxError } from '../errors.ts'
import { KeyCache } from '../key-cache.ts'
import type { Block } from './block.ts'
import type { Seq } from './header.ts'
import { Flag, Offset, readSeq } from './header.ts'
import { checkPairs, findPair, readPairs } from './pairs.ts'

// The body consists of four fields, each preceded by its length as a u32.
//
// +---+---------+---+--------+---+----------------+---+---------+
// | n | service | n | method | n | metadata pairs | n | payload |
// +---+---------+---+--------+---+----------------+---+---------+
//
// The decoder ignores the payload's length, as Go does: the payload is the rest of the frame.

/** A received message: a view into the bytes of its frame, which it keeps in memory. */
export class Message {
  readonly #block: Block
  #start = 0
  #methodStart = 0
  #metadataStart = 0
  #metadataEnd = 0
  #end = 0
  #metadata: Metadata | undefined

  /**
   * Creates the message in `block` between the start of its header and its end.
   * @throws `ERR_RPCX_FRAME` when the length of a field exceeds the frame
   */
  constructor(block: Block, start: number, end: number) {
    this.#block = block
    this.moveTo(start, end)
  }

  /** Makes this object another message of the same block. @throws as the constructor */
  moveTo(start: number, end: number): void {
    const { view } = this.#block
    const service = start + Offset.body + 4
    const method = skip(view, service, end, 'service') + 4
    const metadata = skip(view, method, end, 'method') + 4
    const payload = skip(view, metadata, end, 'metadata') + 4
    if (payload > end) throw tooShort('payload')
    if (metadata - service > MAX_NAMES_BYTES) throw tooLong(metadata - service)
    this.#start = start
    this.#methodStart = method
    this.#metadataStart = metadata
    this.#metadataEnd = payload - 4
    this.#end = end
    this.#metadata = undefined
    if (metadata !== payload - 4) checkPairs(view, metadata, payload - 4)
  }

  /** Returns a copy that stays valid when this object moves to another message. */
  kept(): Message {
    return new Message(this.#block, this.#start, this.#end)
  }

  get seq(): Seq {
    return readSeq(this.#block.view, this.#start + Offset.seq)
  }
  get service(): string {
    const start = this.#start + Offset.body + 4
    return names.read(this.#block.bytes, start, this.#methodStart - 4 - start)
  }
  get method(): string {
    return names.read(this.#block.bytes, this.#methodStart, this.#metadataStart - 4 - this.#methodStart)
  }
  get version(): number {
    return this.#block.bytes[this.#start + Offset.version] as number
  }
  /** Byte 2 of the header: see `Flag`. */
  get flags(): number {
    return this.#block.bytes[this.#start + Offset.flags] as number
  }
  /** The codec of the payload: see `Serialize`. */
  get serialize(): number {
    return (this.#block.bytes[this.#start + Offset.serialize] as number) >> 4
  }
  get isResponse(): boolean {
    return (this.flags & Flag.response) !== 0
  }
  get isHeartbeat(): boolean {
    return (this.flags & Flag.heartbeat) !== 0
  }
  get isOneway(): boolean {
    return (this.flags & Flag.oneway) !== 0
  }
  get isError(): boolean {
    return (this.flags & Flag.status) === Flag.error
  }
  get metadata(): Metadata {
    this.#metadata ??= readPairs(this.#block, this.#metadataStart, this.#metadataEnd)
    return this.#metadata
  }
  /** Returns the value of one ASCII metadata key, without reading the others. */
  metadataValue(key: string): string | undefined {
    return findPair(this.#block, this.#metadataStart, this.#metadataEnd, key)
  }
  /** The payload as sent, possibly compressed: a view, not a copy. */
  get payload(): Buffer {
    return this.#block.bytes.subarray(this.#metadataEnd + 4, this.#end)
  }
  get payloadBytes(): number {
    return this.#end - this.#metadataEnd - 4
  }
  /**
   * Notes that the message is kept. Returns the number of bytes that this adds to the kept memory: the size of the block, or 0 if another
   * message of the block is already kept.
   */
  hold(): number {
    return this.#block.holders++ === 0 ? this.#block.bytes.length : 0
  }
  /** Ends a `hold`. Returns the number of bytes that are no longer kept. */
  release(): number {
    return --this.#block.holders === 0 ? this.#block.bytes.length : 0
  }
  /** The length of the whole frame in bytes. */
  get size(): number {
    return this.#end - this.#start
  }
  /** The number of bytes that `copyHead` copies. */
  get headBytes(): number {
    return this.#metadataStart - 4 - this.#start
  }
  /** Copies the header and the names, with which the reply begins, too. Returns the offset behind them. */
  copyHead(target: Block, at: number): number {
    const { bytes, view } = this.#block
    const offset = at - this.#start
    const end = this.#metadataStart - 4
    let i = this.#start
    // Four bytes at a time: a loop over single bytes takes a noticeable part of a call.
    for (; i + 4 <= end; i += 4) target.view.setUint32(i + offset, view.getUint32(i))
    for (; i < end; i++) target.bytes[i + offset] = bytes[i] as number
    return end + offset
  }
  /** The whole frame: a view, not a copy. */
  get frame(): Buffer {
    return this.#block.bytes.subarray(this.#start, this.#end)
  }
}

const names = new KeyCache()
// The maximum size of service and method name together. Names are looked up, counted and logged, so they must stay short.
export const MAX_NAMES_BYTES: number = 16 * 1024

/** Returns the offset behind the field at `at`, whose length is in the four bytes before it. */
function skip(view: DataView, at: number, end: number, field: string): number {
  if (at > end) throw tooShort(field)
  const length = view.getUint32(at - 4)
  if (length > end - at) {
    throw new RpcxError(
      'ERR_RPCX_FRAME',
      `frame: ${field} of ${length} bytes exceeds the ${end - at} that are left`,
    )
  }
  return at + length
}

function tooShort(field: string): RpcxError {
  return new RpcxError('ERR_RPCX_FRAME', `frame: ends before the length of its ${field}`)
}

function tooLong(bytes: number): RpcxError {
  return new RpcxError(
    'ERR_RPCX_FRAME',
    `frame: the names of service and method have ${bytes} bytes, more than ${MAX_NAMES_BYTES}`,
  )
}
