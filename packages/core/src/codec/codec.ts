/** Encodes values as payloads and decodes them. Has no state, so all connections share one instance. */
export interface Codec {
  /** The name of the codec in options: `msgpack`, `json`, … */
  readonly name: string
  /** The serialize type in the frame header, 0–15. Go defines 0 raw, 1 JSON, 2 protobuf, 3 MessagePack, 4 Thrift. */
  readonly id: number
  /**
   * Returns the payload of `value`. It is read before the next call of `encode`, so a codec may reuse its buffer.
   * @param type the entry in `types` for this argument or reply, such as a protobuf message class
   */
  encode(value: unknown, type?: unknown): Uint8Array
  /** Returns the value of a payload. May keep views into `bytes`. Throws on malformed input. */
  decode(bytes: Uint8Array, type?: unknown): unknown
}
