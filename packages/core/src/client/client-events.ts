import type { RpcxError } from '../errors.ts'
import type { CallbackEvents } from '../events.ts'
import type { PushedMessage } from './connection/pushed.ts'

/** What a client tells when there is no call to tell. */
export interface ClientEvents extends CallbackEvents {
  push: PushedMessage
  /** A server sent a message that cannot be read: it is too long, or its compression is broken. */
  pushFailed: { readonly endpoint: string; readonly error: RpcxError }
  /** A server is out of service for a while. */
  ejected: {
    readonly service: string
    readonly endpoint: string
    readonly error: RpcxError
    /** How long at least, in milliseconds. */
    readonly forMs: number
  }
  /** A server has answered a probe and is in service again. */
  restored: { readonly service: string; readonly endpoint: string }
  /** An attempt failed and another follows. */
  retried: {
    readonly service: string
    readonly method: string
    readonly endpoint: string
    readonly error: RpcxError
    /** How often the call was tried so far. */
    readonly attempts: number
  }
  /** No more calls are repeated for now: too many were of late. */
  budgetSpent: { readonly service: string }
  /** Most servers disappeared from the list within `holdMs`; calls still go to those whose connection is up. Told once for each loss. */
  shrunk: {
    readonly service: string
    /** How many the largest list of late had, and how many the one that showed the loss. */
    readonly from: number
    readonly to: number
    /** How many servers are held. */
    readonly held: number
  }
}
