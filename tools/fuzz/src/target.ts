/** A decoder of what others send, and what it may do with a hostile input. */
export interface Target {
  readonly name: string
  /** Good inputs, as they were recorded or as ours write them. */
  readonly corpus: readonly Buffer[]
  /** Bytes that mean something there, to be put anywhere. */
  readonly tokens?: readonly Buffer[]
  /** Decodes, reads all that was decoded, and returns it. */
  decode(input: Buffer): unknown
  /** Whether this is an error that may be thrown there. */
  mayThrow(error: unknown): boolean
  readonly limits?: Partial<Limits>
  /** How many inputs it gets for one of the others, where each takes longer. @default 1 */
  readonly share?: number
}

/** What one input may cost. */
export interface Limits {
  /** The longest input that is made. */
  readonly inputBytes: number
  /** The time for any input, in milliseconds, and for each KiB of it. */
  readonly ms: number
  readonly msPerKiB: number
  /** What the decoded value may hold: this much for any input, and so many times its bytes. */
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
