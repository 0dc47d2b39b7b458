/**
 * Runs `close` at the first of these signals. The next signal has its default effect and ends the process. Returns a function that removes
 * the handlers.
 */
export function closeOn(signals: readonly NodeJS.Signals[], close: () => void): () => void {
  const stop = (): void => {
    for (const signal of signals) process.off(signal, heard)
  }
  const heard = (): void => {
    stop()
    close()
  }
  for (const signal of signals) process.on(signal, heard)
  return stop
}
