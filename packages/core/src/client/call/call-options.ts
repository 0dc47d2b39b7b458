import type { ParentCall } from '../../call/parent-call.ts'

/** What belongs to one call. */
export interface CallOptions {
  /** How long this call may take in all, in milliseconds. 0: without end. @default the client's */
  readonly timeoutMs?: number
  /** Ends the call, which rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal
  /** Sent beside the arguments. @default none */
  readonly metadata?: Readonly<Record<string, string>>
  /** Whether this call may be repeated after it may have run. @default the client's */
  readonly idempotent?: boolean
  /** The context of the call that this one is made for: caps the deadline, joins the signal, forwards the trace. @default none */
  readonly parent?: ParentCall
}
