import { randomBytes } from 'node:crypto'
import type { Interceptor } from '@rpcx/core'

/** Begins a trace for each call that is part of none (W3C Trace Context). */
export const tracing: Interceptor = (call, next) => {
  const { metadata = {}, parent } = call.options
  if ('traceparent' in metadata || parent?.metadata.traceparent !== undefined) return next(call)
  const traceparent = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
  return next({ ...call, options: { ...call.options, metadata: { ...metadata, traceparent } } })
}
