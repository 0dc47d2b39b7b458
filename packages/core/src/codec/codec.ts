/** Turns values into payloads and back. Stateless: one instance serves every connection. */
export interface Codec {
  /** How the payload is named in options: `msgpack`, `json`, … */
  readonly name: string
  /** The serialize type in the frame header, 0–15. Go's: 0 raw, 1 JSON, 2 protobuf, 3 MessagePack, 4 Thrift. */
  readonly id: number
  /**
   * The payload of `value`. The bytes are read before the next call of `encode`, so a codec may reuse its buffer.
   * @param type what `types` names for this argument or reply, such as a protobuf message class
   */
  encode(value: unknown, type?: unknown): Uint8Array
  /** The value of a payload. May keep views into `bytes`. Throws on malformed input. */
  decode(bytes: Uint8Array, type?: unknown): unknown
}
