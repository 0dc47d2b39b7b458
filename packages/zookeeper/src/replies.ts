import { BadAnswer, checkCode } from './failure.ts'

/** The request that a reply should answer: its number, and its operation in ZooKeeper's protocol. */
export interface Question {
  readonly xid: number
  readonly type: number
}

/**
 * Checks the handshake response, the first frame of a connection. The library trusts every length in it.
 * @throws when it is malformed
 */
export function checkGreeting(frame: Buffer): void {
  const reader = new Reader(frame)
  reader.skip(4)
  const timeoutMs = reader.int()
  reader.skip(8)
  reader.text()
  // ZooKeeper's own minimum is two ticks. With a shorter timeout, the client would send nothing but keep-alives.
  if (timeoutMs > 0 && timeoutMs < LEAST_TIMEOUT_MS) throw broken(`a session timeout of ${timeoutMs} ms`)
}

/**
 * Checks any other frame. Returns the error with which its request must fail: the payload is malformed, or the library does not know the
 * error code. Other requests are not affected.
 * @param question the request that ZooKeeper answers next
 * @throws when the connection cannot be trusted any more: the header is malformed, or answers another request
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

  /** Skips a string or bytes, which must not be `null`. */
  text(): void {
    this.skip(this.length())
  }

  /** Skips bytes or `null`. */
  bytes(): void {
    const length = this.int()
    if (length !== -1) this.skip(checked(length))
  }

  length(): number {
    return checked(this.int())
  }

  /** Skips the metadata of a node. */
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
