/** A signal that aborts with the first of several, and no longer hangs on them once it is released. */
export interface Either {
  readonly signal: AbortSignal
  release(): void
}

/** As `AbortSignal.any`, which leaves something behind at each signal for as long as that lives. */
export function either(...signals: readonly AbortSignal[]): Either {
  const first = new AbortController()
  const abort = (event: Event): void => first.abort((event.target as AbortSignal).reason)
  for (const signal of signals) {
    if (signal.aborted) first.abort(signal.reason)
    else signal.addEventListener('abort', abort, { once: true })
  }
  const release = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', abort)
  }
  return { signal: first.signal, release }
}
