import type { Clock, Timer } from './clock.ts'
import { RpcxError } from './errors.ts'
import { endWith } from './signals.ts'

/**
 * Runs an operation for at most `ms`, even if it ignores its signal. Rejects with `ERR_RPCX_REGISTRY` when the time is over, and with the
 * reason of `signal` when that aborts.
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
  let release: (() => void) | undefined
  const over = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true })
    const late = (): void =>
      limit.abort(new RpcxError('ERR_RPCX_REGISTRY', `${what}: no answer within ${ms} ms`))
    // After a long tick, Node runs timers before it reads sockets. `setImmediate` lets an answer that has already arrived come first.
    timer = clock.setTimeout(() => setImmediate(late), ms)
    release = signal && endWith({ fail: reason => limit.abort(reason) }, signal)
  })
  try {
    return await Promise.race([(async () => operation(limit.signal))(), over])
  } finally {
    clock.clear(timer)
    release?.()
  }
}
