import type { Replica } from './driver.ts'

/** Follows a service that nobody can have registered, until `signal` aborts: for drivers whose registry cannot hold every name. */
export async function followNothing(into: Replica, signal: AbortSignal): Promise<void> {
  into.replace([])
  await new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
