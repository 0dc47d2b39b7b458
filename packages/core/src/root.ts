import { AsyncResource } from 'node:async_hooks'

// Created when the module is loaded, outside every call.
const root = new AsyncResource('rpcx')

/**
 * Runs a function outside the async context of the caller. Timers, sockets and ticks serve many callers. They must not carry the
 * `AsyncLocalStorage` of the caller that happened to start them.
 */
export function inRoot<T>(run: () => T): T {
  return root.runInAsyncScope(run)
}
