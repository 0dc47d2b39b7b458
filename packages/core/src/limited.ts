import type { Clock, Timer } from './clock.ts'
import { RpcxError } from './errors.ts'

/**
 * Runs one operation that must end by itself, and does not wait for it beyond `ms`, even if it ignores its signal.
 * Rejects with `ERR_RPCX_REGISTRY` then, and with the signal's reason when there is one and it aborts.
 */
export async function limited<T>(
  clock: Clock,
  what: string,
  ms: number,
  signal: AbortSignal | undefined,
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  let timer: Timer | undefined
  let abort: (() => void) | undefined
  const over = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true })
    abort = () => limit.abort(signal?.reason)
    const late = (): void =>
      limit.abort(new RpcxError('ERR_RPCX_REGISTRY', `${what}: no answer within ${ms} ms`))
    // After a long tick timers come before what can be read.
    timer = clock.setTimeout(() => setImmediate(late), ms)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([(async () => operation(limit.signal))(), over])
  } finally {
    clock.clear(timer)
    if (abort !== undefined) signal?.removeEventListener('abort', abort)
  }
}
