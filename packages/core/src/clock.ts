import { lazy } from './lazy.ts'
import { checkKnown } from './options.ts'
import { endWith } from './signals.ts'

/**
 * The source of time and randomness of a server, a client or a discovery. The default is Node's own. A simulation can stop time, advance
 * it, or delay one process. The same seed gives the same run.
 *
 * The order within one moment is Node's: `setImmediate`, `process.nextTick` and promises do not use the clock.
 */
export abstract class Clock {
  /** Returns the time since an arbitrary moment, in milliseconds. It never goes back. Use it to measure durations. */
  abstract now(): number

  /**
   * Returns the time since the epoch, in milliseconds, for people and for other hosts. It can be set, so do not measure durations with it.
   */
  abstract wallTime(): number

  /** Returns a number from 0 to below 1, for jitter and choices. Do not use it for secrets. */
  abstract random(): number

  /** Calls `run` once, after `ms` milliseconds. */
  abstract setTimeout(run: () => void, ms: number): Timer

  /** Calls `run` every `ms` milliseconds. */
  abstract setInterval(run: () => void, ms: number): Timer

  /** Stops a timer. Ignores `undefined`, and a timer that has ended. */
  abstract clear(timer: Timer | undefined): void

  /** Returns a unique identifier, in the form of `crypto.randomUUID`. Clocks with the same seed return the same identifiers. */
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
        release?.()
        resolve()
      }
      const timer = this.setTimeout(done, ms).unref()
      const release = signal && endWith({ fail: done }, signal)
    })
  }
}

/** The options of a class that has no option but the clock. */
export interface ClockOption {
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/** A timer of a `Clock`. It keeps the process alive while it runs, unless `unref` was called. */
export interface Timer {
  /** Lets the timer keep the process alive again. Returns the timer. */
  ref(): this
  /** Lets the process end while the timer runs. Returns the timer. */
  unref(): this
}

/** The longest delay of a timer. Node's timers fire at once for longer delays. */
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
    // `clearTimeout` also clears intervals, as the standard says.
    clearTimeout(timer as NodeJS.Timeout | undefined)
  }
}

/** The clock of Node. */
export const systemClock: Clock = new SystemClock()

/** Checks the options of a class that has no option but the clock. @throws TypeError that names the option */
export function checkClockOption(who: string, options: ClockOption): Clock {
  checkKnown(who, options, { clock: true } satisfies Record<keyof ClockOption, true>)
  return checkClock(who, options.clock)
}

/** Checks the option `clock`. @throws TypeError that names the option */
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
