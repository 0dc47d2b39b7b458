/** Resolves after `ms`, or at once when `signal` aborts. Does not keep the process alive. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms).unref()
    signal.addEventListener('abort', done, { once: true })
  })
}

/** Beyond this, Node's timers fire at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1
