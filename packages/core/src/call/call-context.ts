import type { Metadata } from '../call-metadata.ts'
import type { ServerConnection } from './server-connection.ts'

/** What a method knows of the call that it serves, beside its arguments. */
export interface CallContext {
  readonly service: string
  readonly method: string
  /** What the caller says to prove who it is (`__AUTH`); empty when it says nothing. */
  readonly token: string
  /** What the caller sent beside the arguments. */
  readonly metadata: Metadata
  /** Set keys to send them beside the reply. */
  readonly responseMetadata: Record<string, string>
  /** Aborts at the deadline and when the connection goes. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined` when it waits for ever. */
  readonly deadline: number | undefined
  /** How long the caller still waits, in milliseconds, however the clock is set meanwhile; `undefined` when it waits for ever. */
  readonly remainingMs: number | undefined
  readonly remoteAddress: string
  readonly connection: ServerConnection
}

/** What a function that a client offers knows of a call of its server. There is no token: the client chose its server. */
export type ReverseCallContext = Omit<CallContext, 'connection' | 'token'>
