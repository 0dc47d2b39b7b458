import type { CallOptions } from './call-options.ts'
import type { Invocation } from './invocation.ts'

/** An outgoing call, as interceptors see it. */
export interface OutgoingCall {
  readonly service: string
  readonly method: string
  readonly args: unknown
  readonly options: CallOptions
  /** Whether the call is one-way. It then resolves to an invocation without a reply as soon as it is sent. */
  readonly isOneway: boolean
  /** The address of the server, when the call goes to all servers; otherwise `undefined`. */
  readonly endpoint: string | undefined
}

/** Calls the next interceptor, or makes the call after the last one. */
export type Next = (call: OutgoingCall) => Promise<Invocation<unknown>>

/**
 * A function that wraps every call with all its attempts. It may change the call before `next` and the result after it. It may also call
 * `next` several times or not at all. An error that it throws is the error that the caller gets.
 */
export type Interceptor = (call: OutgoingCall, next: Next) => Promise<Invocation<unknown>>

/** Returns a function that runs the interceptors around `last`; the first interceptor is the outermost. */
export function chain(interceptors: readonly Interceptor[], last: Next): Next {
  return interceptors.reduceRight<Next>((next, interceptor) => async call => interceptor(call, next), last)
}
