import type { CallOptions } from './call-options.ts'
import type { Invocation } from './invocation.ts'

/** A call on its way out. */
export interface OutgoingCall {
  readonly service: string
  readonly method: string
  readonly args: unknown
  readonly options: CallOptions
  /** Whether it is never answered; it then resolves to an invocation without a reply, once it is sent. */
  readonly isOneway: boolean
  /** The address of the server that it is for, when it goes to all. */
  readonly endpoint: string | undefined
}

/** Makes the call, or asks the interceptor further in to. */
export type Next = (call: OutgoingCall) => Promise<Invocation<unknown>>

/**
 * What stands around every call, all its attempts included. It may change the call before `next`, what comes back after it, call
 * `next` again or not at all; what it throws is what the caller gets.
 */
export type Interceptor = (call: OutgoingCall, next: Next) => Promise<Invocation<unknown>>

/** The first interceptor is the outermost. */
export function chain(interceptors: readonly Interceptor[], last: Next): Next {
  return interceptors.reduceRight<Next>((next, interceptor) => async call => interceptor(call, next), last)
}
