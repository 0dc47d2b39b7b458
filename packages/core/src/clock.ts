import { lazy } from './lazy.ts'

/**
 * Where a server, a client or a discovery gets time and chance from. Node's own unless an option says otherwise: a simulation stops time,
 * turns it on, or lets one process be late, and the same seed gives the same run.
 *
 * The order within one moment stays Node's: `setImmediate`, `process.nextTick` and promises ask for no time.
 */
export abstract class Clock {
  /** Returns the time since some moment, in milliseconds. It never goes back, and measures durations. */
  abstract now(): number

  /** Returns the time since the epoch, in milliseconds, for people and for other hosts. It may be set, so that it measures no durations. */
  abstract wallTime(): number

  /** Returns a number from 0 to below 1, for jitter and choices. Secrets do not come from here. */
  abstract random(): number

  /** Calls `run` once, after `ms` milliseconds. */
  abstract setTimeout(run: () => void, ms: number): Timer

  /** Calls `run` every `ms` milliseconds. */
  abstract setInterval(run: () => void, ms: number): Timer

  /** Stops a timer. Ignores `undefined`, and a timer that is over. */
  abstract clear(timer: Timer | undefined): void

  /** Returns an identifier that nobody else has, in the form of `crypto.randomUUID`. Clocks of one seed return the same. */
  uuid(): string {
    const digits = (count: number): string =>
      Math.floor(this.random() * 16 ** count)
        .toString(16)
        .padStart(count, '0')
    return `${digits(8)}-${digits(4)}-4${digits(3)}-a${digits(3)}-${digits(12)}`
  }

  /** Resolves after `ms`, or at once when `signal` aborts. Does not keep the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        this.clear(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = this.setTimeout(done, ms)
      timer.unref()
      signal?.addEventListener('abort', done, { once: true })
    })
  }
}

/** Time for what has no other options. */
export interface ClockOption {
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/** A timer of a `Clock`. As long as it runs it keeps the process alive, unless `unref` was called. */
export interface Timer {
  /** Lets it keep the process alive again. */
  ref(): unknown
  /** Lets the process end while it waits. */
  unref(): unknown
}

/** Beyond this, Node's timers fire at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

class SystemClock extends Clock {
  now(): number {
    return performance.now()
  }

  wallTime(): number {
    return Date.now()
  }

  random(): number {
    return Math.random()
  }

  override uuid(): string {
    return lazy.crypto.randomUUID()
  }

  setTimeout(run: () => void, ms: number): Timer {
    return setTimeout(run, ms)
  }

  setInterval(run: () => void, ms: number): Timer {
    return setInterval(run, ms)
  }

  clear(timer: Timer | undefined): void {
    // It also clears intervals, as the standard says.
    clearTimeout(timer as NodeJS.Timeout | undefined)
  }
}

/** Node's own. */
export const systemClock: Clock = new SystemClock()

/** Checks the option `clock`. @throws TypeError that names it */
export function checkClock(who: string, clock: Clock = systemClock): Clock {
  const members: readonly (keyof Clock)[] = [
    'now',
    'wallTime',
    'random',
    'uuid',
    'setTimeout',
    'setInterval',
    'clear',
    'sleep',
  ]
  if (members.every(member => typeof Object(clock)[member] === 'function')) return clock
  throw new TypeError(`${who}: clock is no Clock; pass an object of a class that extends Clock`)
}
