import type { Metadata } from '../call-metadata.ts'
import type { ServerConnection } from './server-connection.ts'

/** The context of a call, which a method receives beside its arguments. */
export interface CallContext {
  readonly service: string
  readonly method: string
  /** The token by which the caller authenticates (`__AUTH`); empty when there is none. */
  readonly token: string
  /** The metadata that the caller sent beside the arguments. */
  readonly metadata: Metadata
  /** The metadata to send beside the reply. Set keys to add them. */
  readonly responseMetadata: Record<string, string>
  /** Aborts at the deadline and when the connection closes. */
  readonly signal: AbortSignal
  /** The time at which the caller stops waiting, in milliseconds since the epoch; `undefined` without a deadline. */
  readonly deadline: number | undefined
  /** How long the caller still waits, in milliseconds. Independent of changes to the system clock. `undefined` without a deadline. */
  readonly remainingMs: number | undefined
  readonly remoteAddress: string
  readonly connection: ServerConnection
}

/** The context of a call that a server makes to its client. Has no token, because the client chose its server. */
export type ReverseCallContext = Omit<CallContext, 'connection' | 'token'>
