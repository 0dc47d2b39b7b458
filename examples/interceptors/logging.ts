import type { Interceptor } from '@rpcx/core'

/** Writes a line for each call: how long it took, where it ran and how it ended. */
export function logging(write: (line: string) => void): Interceptor {
  return async (call, next) => {
    const start = performance.now()
    const line = (outcome: string): string =>
      `${call.service}.${call.method} ${outcome} after ${(performance.now() - start).toFixed(1)} ms`
    try {
      const invocation = await next(call)
      write(line(`ran at ${invocation.endpoint}`))
      return invocation
    } catch (error) {
      write(line(`failed: ${(error as Error).message}`))
      throw error
    }
  }
}
