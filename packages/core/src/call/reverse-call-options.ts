/** What belongs to one call of a server to its client. */
export interface ReverseCallOptions {
  /** How long the client may take, in milliseconds. @default 10_000 */
  readonly timeoutMs?: number
  /** Ends the call, which rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal
}
