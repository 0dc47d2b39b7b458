import type { Task } from '../task.ts'

/** A way to call a server: rpcx, another library, or a bare socket. */
export interface Contestant {
  /** Serves until the process ends. Resolves to its address. */
  serve(task: Task): Promise<string>
  connect(address: string, task: Task): Promise<Load>
}

/** A connected client, which makes calls when asked. */
export interface Load {
  /** Returns calls per second, with this many calls always running. */
  closed(concurrency: number, ms: number): Promise<number>
  /**
   * Returns how long calls take that start at an even rate, whether or not the server keeps up: in milliseconds, from when each call was
   * due. A failed call is `Infinity`.
   */
  open(perSecond: number, ms: number): Promise<Float64Array>
}

/** Makes the calls of a library that returns a promise for each call. */
export function awaited(call: () => Promise<unknown>): Load {
  return {
    async closed(concurrency, ms) {
      let calls = 0
      let running = true
      setTimeout(() => (running = false), ms)
      const startedAt = performance.now()
      const loop = async (): Promise<void> => {
        while (running) {
          await call()
          calls++
        }
      }
      await Promise.all(Array.from({ length: concurrency }, loop))
      return (calls * 1_000) / (performance.now() - startedAt)
    },

    async open(perSecond, ms) {
      const times = new Float64Array(Math.ceil((perSecond * ms) / 1_000))
      let ended = 0
      await new Promise<void>(resolve => {
        const end = (time: number): void => {
          times[ended++] = time
          if (ended === times.length) resolve()
        }
        const failed = (): void => end(Number.POSITIVE_INFINITY)
        // As few promises as possible, because the time of the measurement itself delays the next call.
        pace(perSecond, times.length, dueAt => {
          call().then(() => end(performance.now() - dueAt), failed)
        })
      })
      return times
    },
  }
}

/** Starts this many calls at an even rate. */
export function pace(perSecond: number, count: number, start: (dueAt: number) => void): void {
  const startedAt = performance.now()
  let started = 0
  const go = (): void => {
    const due = Math.min(((performance.now() - startedAt) * perSecond) / 1_000, count)
    while (started < due) start(startedAt + (started++ * 1_000) / perSecond)
    if (started < count) setImmediate(go)
  }
  go()
}
