import type { RpcxError } from '../../errors.ts'
import type { Candidate, Chooser } from '../select/selector.ts'

/** A call whose newest attempt failed. */
export interface AttemptedCall extends Chooser {
  /** How often it was sent so far. */
  readonly attempts: number
  readonly isIdempotent: boolean
  /** The server of the newest attempt. */
  readonly server: Candidate | undefined
}

/**
 * Decides what follows a failed attempt. The client asks it only where repeating the call does no harm, and neither `retries` nor
 * the retry budget is used up.
 */
export interface FailPolicy {
  /**
   * Whether the policy ever repeats a call. A client whose policy does not also fails a call at once, instead of waiting, while all
   * servers are ejected.
   */
  readonly repeats: boolean
  /** Returns whether to repeat this call. @default `repeats` */
  mayRepeat?(call: AttemptedCall, error: RpcxError): boolean
  /**
   * Returns the server for the next attempt, or `undefined` for another one, which the selector chooses.
   * @param servers all that may be called, ejected ones too
   * @default another one
   */
  next?(call: AttemptedCall, servers: readonly Candidate[]): Candidate | undefined
  /** When to send a copy of a slow call to another server (hedging). @default never */
  readonly hedging?: HedgingDelay
}

/** How long an idempotent call may take before a copy of it is sent. */
export interface HedgingDelay {
  /** Returns the delay for the next call of this method, in milliseconds. */
  delayMs(method: string): number
  /** A call of this method succeeded after so many milliseconds. */
  succeeded?(method: string, ms: number): void
}
