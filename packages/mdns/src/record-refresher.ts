import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '@rpcx/core'
import type { Cache, Instance } from './cache.ts'

/** Who asks for instances. */
export interface RecordRefresherOwner {
  /** Whether anyone could answer now. While an interface is down, nothing that was heard there is dropped. */
  canAsk(instance: Instance): boolean
  ask(instances: readonly Instance[]): void
}

/** How often to ask for an instance before it is dropped. */
interface Pace {
  readonly questions: number
  readonly everyMs: number
}

/** A call failed there: 4.4 s, so that a server which is busy for a while can answer. */
export const FAILED: Pace = { questions: 4, everyMs: 1_100 }
/** Its interface was down, so that a goodbye may have been missed. */
export const MISSED: Pace = { questions: 4, everyMs: 500 }
/** It was about to be announced, which must have been lost. */
const FORETOLD: Pace = { questions: 8, everyMs: 150 }

interface Inquiry {
  readonly pace: Pace
  /** How often it was asked for in vain. */
  asked: number
  /** When it is asked for next, or dropped; by the clock. */
  dueAt: number
}

/**
 * Sees that what a cache holds is still there: asks for an instance when 80, 85, 90 and 95 % of its life are over (RFC 6762
 * §5.2), or when it is in doubt, and drops it when nobody answered.
 */
export class RecordRefresher {
  readonly #clock: Clock
  readonly #cache: Cache
  readonly #inquirer: RecordRefresherOwner
  readonly #inquiries = new Map<Instance, Inquiry>()
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(clock: Clock, cache: Cache, inquirer: RecordRefresherOwner) {
    this.#clock = clock
    this.#cache = cache
    this.#inquirer = inquirer
    cache.on('heard', instance => this.#heard(instance))
    cache.on('foretold', instance => this.#inquire(instance, FORETOLD, overdueMs(clock)))
    cache.on('removed', instance => this.#inquiries.delete(instance))
  }

  /** Asks now, and drops it when nobody answers (RFC 6762 §10.4). */
  verify(instance: Instance, pace: Pace): void {
    const inquiry = this.#inquiries.get(instance)
    if (inquiry === undefined || (DOUBTS.has(inquiry.pace) && inquiry.pace.everyMs <= pace.everyMs)) return
    this.#inquire(instance, pace, 0)
  }

  close(): void {
    this.#isClosed = true
    this.#clock.clear(this.#timer)
  }

  #heard(instance: Instance): void {
    const { text, ttlMs } = instance
    if (text === undefined) this.#inquire(instance, FAILED, 0)
    else
      this.#inquire(
        instance,
        { questions: 4, everyMs: ttlMs * 0.05 },
        ttlMs * (0.8 + this.#clock.random() * 0.02),
      )
  }

  #inquire(instance: Instance, pace: Pace, inMs: number): void {
    const dueAt = this.#clock.now() + inMs
    this.#inquiries.set(instance, { pace, asked: 0, dueAt })
    this.#wakeAt(dueAt)
  }

  #wakeAt(at: number): void {
    if (this.#isClosed || at >= this.#timerAt) return
    const clock = this.#clock
    clock.clear(this.#timer)
    this.#timerAt = at
    this.#timer = clock.setTimeout(() => void this.#work(), Math.max(0, at - clock.now()))
    this.#timer.unref()
  }

  /** All that is due within a moment, in common packets. */
  async #work(): Promise<void> {
    // Answers that came while this process was busy are read before it is said that there are none.
    await nextTurn()
    if (this.#isClosed) return
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    const asking: Instance[] = []
    let next = Number.POSITIVE_INFINITY
    for (const [instance, inquiry] of [...this.#inquiries]) {
      const { pace } = inquiry
      if (inquiry.dueAt <= now + MOMENT_MS && !this.#inquirer.canAsk(instance)) {
        inquiry.asked = 0
        inquiry.dueAt = now + pace.everyMs
      } else if (inquiry.dueAt <= now + MOMENT_MS) {
        if (inquiry.asked === pace.questions) {
          this.#cache.remove(instance)
          continue
        }
        inquiry.asked++
        inquiry.dueAt = now + pace.everyMs
        asking.push(instance)
      }
      next = Math.min(next, inquiry.dueAt)
    }
    if (asking.length > 0) this.#inquirer.ask(asking)
    if (next < Number.POSITIVE_INFINITY) this.#wakeAt(next)
  }
}

const DOUBTS: ReadonlySet<Pace> = new Set([FAILED, MISSED, FORETOLD])
const MOMENT_MS = 100

/** A quarter of a second after the last of three probes, and not all at once. */
function overdueMs(clock: Clock): number {
  return 250 + 100 + clock.random() * 100
}
