import type { Cache, Instance } from './cache.ts'

/** Who asks for instances. */
export interface Inquirer {
  /** Whether anyone could answer now. While an interface is down, nothing that was heard there is dropped. */
  canAsk(instance: Instance): boolean
  ask(instances: readonly Instance[]): void
}

interface Inquiry {
  /** How often it was asked for in vain. */
  asked: number
  /** When it is asked for next, or dropped; by `performance.now()`. */
  dueAt: number
  /** Between two questions. */
  readonly everyMs: number
}

/**
 * Sees that what a cache holds is still there: asks for an instance when 80, 85, 90 and 95 % of its life are over (RFC 6762
 * §5.2), or when a call failed there, and drops it when nobody answered.
 */
export class Upkeep {
  readonly #cache: Cache
  readonly #inquirer: Inquirer
  readonly #inquiries = new Map<Instance, Inquiry>()
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(cache: Cache, inquirer: Inquirer) {
    this.#cache = cache
    this.#inquirer = inquirer
    cache.on('heard', instance => this.#heard(instance))
    cache.on('removed', instance => this.#inquiries.delete(instance))
  }

  /** Asks now, and drops it within 5 s when nobody answers (RFC 6762 §10.4). */
  verify(instance: Instance): void {
    const inquiry = this.#inquiries.get(instance)
    if (inquiry === undefined || inquiry.everyMs === VERIFY_EVERY_MS) return
    const dueAt = performance.now()
    this.#inquiries.set(instance, { asked: 0, dueAt, everyMs: VERIFY_EVERY_MS })
    this.#wakeAt(dueAt)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #heard(instance: Instance): void {
    const { text, ttlMs, heardAt } = instance
    const inquiry: Inquiry =
      text === undefined
        ? { asked: 0, dueAt: heardAt, everyMs: VERIFY_EVERY_MS }
        : { asked: 0, dueAt: heardAt + ttlMs * (0.8 + Math.random() * 0.02), everyMs: ttlMs * 0.05 }
    this.#inquiries.set(instance, inquiry)
    this.#wakeAt(inquiry.dueAt)
  }

  #wakeAt(at: number): void {
    if (this.#isClosed || at >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(() => this.#work(), Math.max(0, at - performance.now())).unref()
  }

  /** All that is due within a moment, in common packets. */
  #work(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    const asking: Instance[] = []
    let next = Number.POSITIVE_INFINITY
    for (const [instance, inquiry] of [...this.#inquiries]) {
      if (inquiry.dueAt <= now + MOMENT_MS && !this.#inquirer.canAsk(instance)) {
        inquiry.dueAt = now + VERIFY_EVERY_MS
      } else if (inquiry.dueAt <= now + MOMENT_MS) {
        if (inquiry.asked === QUESTIONS) {
          this.#cache.remove(instance)
          continue
        }
        inquiry.asked++
        inquiry.dueAt = now + inquiry.everyMs
        asking.push(instance)
      }
      next = Math.min(next, inquiry.dueAt)
    }
    if (asking.length > 0) this.#inquirer.ask(asking)
    if (next < Number.POSITIVE_INFINITY) this.#wakeAt(next)
  }
}

const QUESTIONS = 4
// Longer than the second within which nobody says a thing twice; four of them are less than 5 s.
const VERIFY_EVERY_MS = 1_100
const MOMENT_MS = 100
