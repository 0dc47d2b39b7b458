import type { Task } from '../task.ts'

/** A way to call a server: ours, another library's, or a bare socket. */
export interface Contestant {
  /** Serves until the process ends. Resolves to where clients find it. */
  serve(task: Task): Promise<string>
  connect(address: string, task: Task): Promise<Load>
}

/** A connected client that makes calls on order. */
export interface Load {
  /** Calls a second, with so many always under way. */
  closed(concurrency: number, ms: number): Promise<number>
  /**
   * How long calls take that start at an even rate, whether the server keeps up or not: in milliseconds each, from when a call was due;
   * `Infinity` when it failed.
   */
  open(perSecond: number, ms: number): Promise<Float64Array>
}

/** The calls of a library that returns a promise for each. */
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
        // As few promises as can be: what the measurement itself takes delays the next call.
        pace(perSecond, times.length, dueAt => {
          call().then(() => end(performance.now() - dueAt), failed)
        })
      })
      return times
    },
  }
}

/** Starts so many calls at an even rate. */
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
