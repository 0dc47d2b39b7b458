//  0      1         2       3             4           12         16
// +------+---------+-------+-------------+-----------+----------+-------------- - -
// | 0x08 | version | flags | ser  | 0000 | seq (u64) | n (u32)  | n bytes of body
// +------+---------+-------+-------------+-----------+----------+-------------- - -
// Numbers are big-endian. Source: protocol/message.go.

/** The offsets of the fields in a frame, in bytes. */
export const Offset = { magic: 0, version: 1, flags: 2, serialize: 3, seq: 4, length: 12, body: 16 } as const

/** The first byte of every frame. */
export const MAGIC = 0x08

/** The bits of byte 2 of the header. */
export const Flag = {
  response: 0x80,
  heartbeat: 0x40,
  oneway: 0x20,
  compress: 0x1c,
  gzip: 0x04,
  status: 0x03,
  error: 0x01,
} as const

/** The serialize types that Go defines (the high nibble of byte 3). */
export const Serialize = { raw: 0, json: 1, protobuf: 2, msgpack: 3, thrift: 4 } as const

/**
 * Reserved metadata keys. `code`, `serviceCode`, `details` and `peer` are this package's, the others Go's (share/share.go,
 * protocol/message.go).
 */
export const ReservedKey = {
  /** The token of the caller. */
  auth: '__AUTH',
  /** The rest of the caller's time limit, in decimal milliseconds. */
  timeout: '__ServerTimeout',
  /** The message of an error, in a reply with error status. */
  error: '__rpcx_error__',
  /** The `RpcxError` code of that error. */
  code: '__rpcx_code__',
  /** The code of a `ServiceError`, in the same reply. */
  serviceCode: '__rpcx_service_code__',
  /** The details of a `ServiceError`, in JSON. */
  details: '__rpcx_details__',
  /** In the first heartbeat of a client: features of the client that Go's clients do not have. */
  peer: '__rpcx_peer',
} as const

/** The value of `__rpcx_peer` by which a client announces that it answers calls of its server. */
export const TWO_WAY = 'ts/1'

/** The number of a message. A `bigint` beyond 2^53, which Go's clients never reach. */
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
