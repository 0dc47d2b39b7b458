import type { RpcxError } from '../../errors.ts'
import type { Candidate, Chooser } from '../select/selector.ts'

/** A call whose newest attempt failed. */
export interface AttemptedCall extends Chooser {
  /** The number of attempts so far. */
  readonly attempts: number
  readonly isIdempotent: boolean
  /** The server of the newest attempt. */
  readonly server: Candidate | undefined
}

/**
 * Decides what follows a failed attempt. The client asks the policy only when repeating the call does no harm and the call has retries
 * left. The retry budget may still forbid the repetition.
 */
export interface FailPolicy {
  /**
   * Whether the policy ever repeats a call. If not, a call fails at once while all servers are ejected; otherwise it waits for a server.
   */
  readonly repeats: boolean
  /** Returns whether to repeat this call. @default `repeats` */
  mayRepeat?(call: AttemptedCall, error: RpcxError): boolean
  /**
   * Returns the server for the next attempt, or `undefined` to let the selector choose another server.
   * @param servers all servers that may be called, including ejected ones
   * @default the selector chooses another server
   */
  next?(call: AttemptedCall, servers: readonly Candidate[]): Candidate | undefined
  /** When to send a copy of a slow call to another server (hedging). @default never */
  readonly hedging?: HedgingDelay
}

/** Decides how long an idempotent call may take before the client sends a copy of it. */
export interface HedgingDelay {
  /** Returns the delay for the next call of this method, in milliseconds. */
  delayMs(method: string): number
  /** Called when a call of this method succeeded, with its duration in milliseconds. */
  succeeded?(method: string, ms: number): void
}
