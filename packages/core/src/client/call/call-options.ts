import type { ParentCall } from '../../call/parent-call.ts'
import { checkKnown } from '../../options.ts'

/** Options of one call. */
export interface CallOptions {
  /** The maximum duration of this call over all attempts, in milliseconds. 0: no limit. @default `timeoutMs` of the client */
  readonly timeoutMs?: number
  /** Cancels the call, which rejects with the reason of the signal. @default none */
  readonly signal?: AbortSignal
  /** Metadata that the client sends with the arguments. @default none */
  readonly metadata?: Readonly<Record<string, string>>
  /** Whether the client may repeat this call after an attempt that may have run. @default `idempotent` of the client */
  readonly idempotent?: boolean
  /**
   * The context of the call that a method serves while it makes this one. This call ends by its deadline, aborts with its signal, and
   * forwards its trace. @default none
   */
  readonly parent?: ParentCall
}

/** Checks the names of the options of a call. @throws TypeError that names the unknown option */
export function checkCallOptions(options: CallOptions): void {
  checkKnown('call', options, KNOWN)
}

const KNOWN: Readonly<Record<keyof CallOptions, true>> = {
  timeoutMs: true,
  signal: true,
  metadata: true,
  idempotent: true,
  parent: true,
}
