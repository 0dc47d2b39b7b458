import { BadAnswer, checkCode } from './failure.ts'

/** What a reply is expected to be of: an operation of ZooKeeper's protocol, with the number by which it is answered. */
export interface Question {
  readonly xid: number
  readonly type: number
}

/**
 * Checks a greeting, the first frame of a connection. The library believes every length in it.
 * @throws when it is not as ZooKeeper writes it
 */
export function checkGreeting(frame: Buffer): void {
  const reader = new Reader(frame)
  reader.skip(4)
  const timeoutMs = reader.int()
  reader.skip(8)
  reader.text()
  // ZooKeeper's own lower limit is two ticks; with less, nothing but signs of life would be sent.
  if (timeoutMs > 0 && timeoutMs < LEAST_TIMEOUT_MS) throw broken(`a session timeout of ${timeoutMs} ms`)
}

/**
 * Checks any other frame. Returns why its question must fail without the library: its payload is not as ZooKeeper writes it, or
 * the library does not know its error. Nobody else's answer is affected by that.
 * @param question the one that is to be answered next
 * @throws when the connection cannot be trusted any more: the header is broken, or answers another question
 */
export function checkReply(frame: Buffer, question: Question | undefined): Error | undefined {
  const reader = new Reader(frame)
  const xid = reader.int()
  reader.skip(8)
  const code = reader.int()
  if (xid === NOTIFICATION) {
    reader.skip(8)
    reader.text()
  }
  if (xid < 0) return undefined
  if (xid !== question?.xid) throw broken(`an answer to question ${xid} instead of ${question?.xid}`)
  try {
    checkCode(code)
    if (code === 0) PAYLOADS.get(question.type)?.(reader)
    return undefined
  } catch (error) {
    return error as Error
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = HEAD_BYTES

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  skip(bytes: number): void {
    this.#at += bytes
    if (this.#at > this.#bytes.length) throw broken('an answer that is cut short')
  }

  int(): number {
    this.skip(4)
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  flag(): boolean {
    this.skip(1)
    return this.#bytes[this.#at - 1] === 1
  }

  /** A string or bytes, which must be there. */
  text(): void {
    this.skip(this.length())
  }

  /** The same, or `null`. */
  bytes(): void {
    const length = this.int()
    if (length !== -1) this.skip(checked(length))
  }

  length(): number {
    return checked(this.int())
  }

  /** What ZooKeeper says of a node. */
  stat(): void {
    this.skip(STAT_BYTES)
  }
}

function children(reader: Reader): void {
  for (let left = reader.length(); left > 0; left--) reader.text()
  reader.stat()
}

function results(reader: Reader): void {
  for (;;) {
    const type = reader.int()
    const isDone = reader.flag()
    reader.skip(4)
    if (isDone) return
    if (type === CREATE) reader.text()
    else if (type === SET_DATA) reader.stat()
    else if (type === ERROR) checkCode(reader.int())
  }
}

function checked(length: number): number {
  if (length < 0) throw broken(`a length of ${length}`)
  return length
}

function broken(what: string): BadAnswer {
  return new BadAnswer(`${what}: not what ZooKeeper sends`)
}

const CREATE = 1
const EXISTS = 3
const GET_DATA = 4
const SET_DATA = 5
const GET_CHILDREN2 = 12
const MULTI = 14
const ERROR = -1
const NOTIFICATION = -1

const PAYLOADS: ReadonlyMap<number, (reader: Reader) => void> = new Map([
  [CREATE, (reader: Reader) => reader.text()],
  [EXISTS, (reader: Reader) => reader.stat()],
  [
    GET_DATA,
    (reader: Reader) => {
      reader.bytes()
      reader.stat()
    },
  ],
  [SET_DATA, (reader: Reader) => reader.stat()],
  [GET_CHILDREN2, children],
  [MULTI, results],
])

const HEAD_BYTES = 4
const STAT_BYTES = 68
const LEAST_TIMEOUT_MS = 100
