/**
 * Runs `close` at the first of these signals. The next one does what it does by default: it ends the process. Returns what
 * stops it.
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
