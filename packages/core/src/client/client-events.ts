import type { RpcxError } from '../errors.ts'
import type { CallbackEvents } from '../events.ts'
import type { PushedMessage } from './connection/pushed.ts'

/** The events of a client, by name. They report what no call returns. */
export interface ClientEvents extends CallbackEvents {
  /** A server sent a message on its own initiative. */
  push: PushedMessage
  /** A server sent a message that the client cannot read: it is too long, or its compressed payload is invalid. */
  pushFailed: { readonly endpoint: string; readonly error: RpcxError }
  /** The client ejected a server: it sends no more calls there until the server answers a health probe. */
  ejected: {
    readonly service: string
    readonly endpoint: string
    readonly error: RpcxError
    /** The time until the next health probe, in milliseconds. */
    readonly forMs: number
  }
  /** An ejected server answered a health probe and gets calls again. */
  restored: { readonly service: string; readonly endpoint: string }
  /** An attempt failed and the client retries the call. */
  retried: {
    readonly service: string
    readonly method: string
    readonly endpoint: string
    readonly error: RpcxError
    /** The number of attempts so far. */
    readonly attempts: number
  }
  /** The retry budget is used up, so failed calls are not retried for now. */
  budgetSpent: { readonly service: string }
  /**
   * Most servers disappeared from the list within `holdMs`. The client still calls those whose connection is up. Emitted once for each
   * such loss.
   */
  shrunk: {
    readonly service: string
    /** The size of the largest list within the last `holdMs`. */
    readonly from: number
    /** The size of the list that showed the loss. */
    readonly to: number
    /** The number of servers that the client keeps although they disappeared. */
    readonly held: number
  }
}
