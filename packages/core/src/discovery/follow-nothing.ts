import type { Replica } from './driver.ts'

/** Reports an empty list, then waits until `signal` aborts. For drivers whose registry cannot store every service name. */
export async function followNothing(into: Replica, signal: AbortSignal): Promise<void> {
  into.replace([])
  await new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
