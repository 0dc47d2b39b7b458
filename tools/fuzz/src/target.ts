/** A decoder of input from others, and what it may do with a hostile input. */
export interface Target {
  readonly name: string
  /** Valid inputs, recorded or written by our encoders. */
  readonly corpus: readonly Buffer[]
  /** Bytes with a meaning in this format, which mutations insert anywhere. */
  readonly tokens?: readonly Buffer[]
  /** Decodes the input, reads the whole result, and returns it. */
  decode(input: Buffer): unknown
  /** Whether the decoder may throw this error. */
  mayThrow(error: unknown): boolean
  readonly limits?: Partial<Limits>
  /** The number of inputs in proportion to other targets, for slow ones. @default 1 */
  readonly share?: number
}

/** What one input may cost. */
export interface Limits {
  /** The length of the longest input, in bytes. */
  readonly inputBytes: number
  /** The time limit of any input in milliseconds, and the extra time for each KiB. */
  readonly ms: number
  readonly msPerKiB: number
  /** The memory limit of the decoded value: `heapBytes` for any input, plus `heapFactor` times its bytes. */
  readonly heapBytes: number
  readonly heapFactor: number
}

export const LIMITS: Limits = {
  inputBytes: 8_192,
  ms: 50,
  msPerKiB: 1,
  heapBytes: 2 ** 20,
  heapFactor: 64,
}
