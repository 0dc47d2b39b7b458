//  0      1         2       3             4           12         16
// +------+---------+-------+-------------+-----------+----------+-------------- - -
// | 0x08 | version | flags | ser  | 0000 | seq (u64) | n (u32)  | n bytes of body
// +------+---------+-------+-------------+-----------+----------+-------------- - -
// Numbers are big-endian. Source: protocol/message.go.

/** Where the fields of a frame begin, in bytes from its start. */
export const Offset = { magic: 0, version: 1, flags: 2, serialize: 3, seq: 4, length: 12, body: 16 } as const

/** The first byte of every frame. */
export const MAGIC = 0x08

/** The bits of byte 2. */
export const Flag = {
  response: 0x80,
  heartbeat: 0x40,
  oneway: 0x20,
  compress: 0x1c,
  gzip: 0x04,
  status: 0x03,
  error: 0x01,
} as const

/** The serialize types that Go defines (high nibble of byte 3). */
export const Serialize = { raw: 0, json: 1, protobuf: 2, msgpack: 3, thrift: 4 } as const

/** Metadata keys with a meaning of their own: Go's (share/share.go, protocol/message.go), and of ours `code`, `serviceCode`, `details` and `peer`. */
export const ReservedKey = {
  /** The token of the caller. */
  auth: '__AUTH',
  /** What is left of the caller's deadline, in decimal milliseconds. */
  timeout: '__ServerTimeout',
  /** The text of a failure, in a reply whose status is error. */
  error: '__rpcx_error__',
  /** The `RpcxError` code beside that text. */
  code: '__rpcx_code__',
  /** The code of a `ServiceError`, in the same reply. */
  serviceCode: '__rpcx_service_code__',
  /** The details of a `ServiceError`, in JSON. */
  details: '__rpcx_details__',
  /** In a client's first heartbeat: what it understands beside what Go's clients do. */
  peer: '__rpcx_peer',
} as const

/** The value of `__rpcx_peer` by which a client says that it answers calls of its server. */
export const TWO_WAY = 'ts/1'

/** A message number: a `bigint` only beyond 2^53, which Go's clients never reach but any peer may send. */
export type Seq = number | bigint

const TWO_32 = 0x1_0000_0000

export function readSeq(view: DataView, at: number): Seq {
  const high = view.getUint32(at)
  if (high > 0x1f_ffff) return view.getBigUint64(at)
  return high * TWO_32 + view.getUint32(at + 4)
}

export function writeSeq(view: DataView, seq: Seq, at: number): void {
  if (typeof seq === 'bigint') {
    view.setBigUint64(at, seq)
    return
  }
  view.setUint32(at, Math.floor(seq / TWO_32))
  view.setUint32(at + 4, seq)
}
