import { AsyncResource } from 'node:async_hooks'

// Made when the module is loaded, outside of every call.
const root = new AsyncResource('rpcx')

/**
 * Runs something outside of the async context of whoever calls: timers, sockets and ticks serve many callers, and the
 * `AsyncLocalStorage` of the one who happened to start them is none of the others' business.
 */
export function inRoot<T>(run: () => T): T {
  return root.runInAsyncScope(run)
}
