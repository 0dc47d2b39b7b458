import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '@rpcx/core'
import type { Cache, Instance } from './cache.ts'

/** The sender of a refresher's queries. */
export interface RecordRefresherOwner {
  /** Returns whether any host could answer now. While an interface is down, its instances are kept. */
  canAsk(instance: Instance): boolean
  ask(instances: readonly Instance[]): void
}

/** How many times to ask for an instance before it is dropped, and how often. */
interface Pace {
  readonly questions: number
  readonly everyMs: number
}

/** For an instance after a failed call. It has 4.4 s to answer, because a busy server may take a while. */
export const FAILED: Pace = { questions: 4, everyMs: 1_100 }
/** For an instance whose interface was down, so that its goodbye may have been missed. */
export const MISSED: Pace = { questions: 4, everyMs: 500 }
/** For an instance whose probes were heard but whose announcement was lost. */
const FORETOLD: Pace = { questions: 8, everyMs: 150 }

interface Inquiry {
  readonly pace: Pace
  /** The number of queries without an answer so far. */
  asked: number
  /** When to ask next, or to drop the instance, by the session's clock. */
  dueAt: number
}

/**
 * The part of a session that keeps the cache current. It asks for an instance when 80, 85, 90 and 95 % of its TTL have passed (RFC 6762
 * §5.2). It also asks when the instance may be gone. It drops the instance when no answer comes.
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

  /** Asks for an instance now, and drops it when no answer comes (RFC 6762 §10.4). */
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
    this.#timer = clock.setTimeout(() => void this.#work(), Math.max(0, at - clock.now())).unref()
  }

  /** Asks for all instances that are due, in common packets. */
  async #work(): Promise<void> {
    // Answers that arrived while this process was busy are read first.
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

/** Returns how long after the last of three probes an announcement counts as lost: 250 ms, a margin, and a random time to avoid bursts. */
function overdueMs(clock: Clock): number {
  return 250 + 100 + clock.random() * 100
}
