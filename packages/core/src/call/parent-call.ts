import type { Metadata } from '../call-metadata.ts'
import { MAX_PAIRS } from '../call-metadata.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'

/** The `CallContext` of a method, from which the calls that it makes inherit. */
export interface ParentCall {
  /** The time at which the caller stops waiting, in milliseconds since the epoch. */
  readonly deadline: number | undefined
  /**
   * The time that is left, in milliseconds. Takes precedence over `deadline`, because the system clock can change. @default the time until
   * `deadline`
   */
  readonly remainingMs?: number | undefined
  readonly signal: AbortSignal
  readonly metadata: Metadata
}

/** Returns the time limit of a call that starts now, in milliseconds; `Infinity` without one. */
export function limitOf(clock: Clock, timeoutMs: number, parent: ParentCall | undefined): number {
  const own = timeoutMs > 0 ? timeoutMs : Number.POSITIVE_INFINITY
  if (parent === undefined) return own
  const { remainingMs, deadline } = parent
  if (remainingMs !== undefined) return Math.min(own, remainingMs)
  return deadline === undefined ? own : Math.min(own, deadline - clock.wallTime())
}

/** Returns the metadata of a call. The keys of `own`, such as the token, win. @throws TypeError when a value is not a string */
export function metadataOf({ metadata, parent }: SentOptions, own: Metadata): Metadata {
  if (metadata === undefined && parent === undefined) return own
  let pairs = 0
  for (const key in metadata) {
    if (typeof metadata[key] !== 'string')
      throw new TypeError(`call: metadata.${key} is ${typeof metadata[key]}, not a string`)
    if (++pairs > MAX_PAIRS - OWN_PAIRS)
      throw new RpcxError('ERR_RPCX_ARGUMENT', `call: metadata has more than ${MAX_PAIRS - OWN_PAIRS} keys`)
  }
  const trace: Record<string, string> = {}
  for (const key of TRACE) {
    const value = parent?.metadata[key]
    if (value !== undefined) trace[key] = value
  }
  return { ...trace, ...metadata, ...own }
}

interface SentOptions {
  readonly metadata?: Readonly<Record<string, string>>
  readonly parent?: ParentCall
}

// The keys of W3C Trace Context, as in Go's OpenTelemetry plugin (rpcx-plugins, share/trace.go).
const TRACE = ['traceparent', 'tracestate']

// The room for the token, the deadline and the trace.
const OWN_PAIRS = 16
