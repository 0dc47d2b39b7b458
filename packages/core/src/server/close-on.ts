import { lazy } from '../lazy.ts'
import { shown } from '../options.ts'

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

/** @throws TypeError unless the option is a list of signals that this system knows */
export function checkSignals(signals: readonly NodeJS.Signals[]): void {
  if (!Array.isArray(signals))
    throw new TypeError(`Server: closeOn is ${shown(signals)}, not a list such as ["SIGTERM"]`)
  for (const [i, signal] of signals.entries()) {
    if (!Object.hasOwn(lazy.os.constants.signals, signal))
      throw new TypeError(`Server: closeOn[${i}] is ${shown(signal)}, not a signal such as "SIGTERM"`)
    if (signal === 'SIGKILL' || signal === 'SIGSTOP')
      throw new TypeError(`Server: closeOn[${i}] is "${signal}", which no process can handle`)
  }
}
