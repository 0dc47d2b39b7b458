import type { Metadata } from '../call-metadata.ts'
import { MAX_PAIRS } from '../call-metadata.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'

/** What a call made inside a method inherits from the call that the method serves: its `CallContext`. */
export interface ParentCall {
  /** In milliseconds since the epoch. */
  readonly deadline: number | undefined
  /** How much of that is left, in milliseconds; comes before `deadline`, since a clock can be set. @default what `deadline` says */
  readonly remainingMs?: number | undefined
  readonly signal: AbortSignal
  readonly metadata: Metadata
}

/** How long a call may take that starts now; `Infinity` without an end. */
export function limitOf(clock: Clock, timeoutMs: number, parent: ParentCall | undefined): number {
  const own = timeoutMs > 0 ? timeoutMs : Number.POSITIVE_INFINITY
  if (parent === undefined) return own
  const { remainingMs, deadline } = parent
  if (remainingMs !== undefined) return Math.min(own, remainingMs)
  return deadline === undefined ? own : Math.min(own, deadline - clock.wallTime())
}

/** What is sent beside the arguments; the caller's own, such as its token, wins. @throws TypeError when it is no text */
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

// W3C Trace Context, under the keys that Go's OpenTelemetry plugin uses (rpcx-plugins, share/trace.go).
const TRACE = ['traceparent', 'tracestate']

// For the token, the deadline and the trace.
const OWN_PAIRS = 16
