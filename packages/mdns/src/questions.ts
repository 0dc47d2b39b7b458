import type { Clock, Timer } from '@rpcx/core'
import type { MulticastLink, Source } from './multicast-link.ts'
import type { Packet, Question, Resource } from './packet.ts'

/** The questions, and the answers that the asker knows already. */
export interface Asked {
  readonly id: number
  readonly questions: readonly Question[]
  readonly known: readonly Resource[]
}

/** A function that answers a complete query. */
export type Answer = (asked: Asked, source: Source, link: MulticastLink) => void

interface Waiting {
  readonly link: MulticastLink
  readonly id: number
  readonly questions: Question[]
  readonly known: Resource[]
  readonly timer: Timer
}

/** A collector that joins queries that arrive in several packets because of many known answers (RFC 6762 §7.2). */
export class Questions {
  readonly #clock: Clock
  readonly #answer: Answer
  readonly #waiting = new Map<string, Waiting>()

  constructor(clock: Clock, answer: Answer) {
    this.#clock = clock
    this.#answer = answer
  }

  add({ id, questions, answers, isTruncated }: Packet, source: Source, link: MulticastLink): void {
    const key = `${link.interface.name} ${source.address} ${source.port}`
    const before = this.#waiting.get(key)
    if (before !== undefined) {
      if (before.known.length < MAX_KNOWN) before.known.push(...answers)
      if (questions.length === 0 || isTruncated) return
    }
    if (isTruncated && this.#waiting.size < MAX_WAITING) {
      const late = (): void => {
        this.#waiting.delete(key)
        this.#answer(waiting, source, link)
      }
      const timer = this.#clock.setTimeout(late, 400 + this.#clock.random() * 100).unref()
      const waiting = { link, id, questions: [...questions], known: [...answers], timer }
      this.#waiting.set(key, waiting)
    } else if (questions.length > 0) {
      this.#answer({ id, questions, known: answers }, source, link)
    }
  }

  forget(link: MulticastLink): void {
    for (const [key, waiting] of this.#waiting) {
      if (waiting.link !== link) continue
      this.#clock.clear(waiting.timer)
      this.#waiting.delete(key)
    }
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) this.#clock.clear(timer)
    this.#waiting.clear()
  }
}

const MAX_WAITING = 100
const MAX_KNOWN = 10_000
