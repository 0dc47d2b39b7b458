import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '@rpcx/core'
import type { Cache, Instance } from './cache.ts'
import type { MulticastLink, Source } from './multicast-link.ts'
import { GO_TYPE } from './names.ts'
import type { Network } from './network.ts'
import type { Packet, Question, Resource } from './packet.ts'
import { HEADER_BYTES, isSameName, MAX_PACKET_BYTES, query, sizeOf } from './packet.ts'
import { FAILED, MISSED, RecordRefresher } from './record-refresher.ts'

/** Asks who is there: at once, more and more rarely, and again for what is about to be forgotten. */
export class Browser {
  readonly #clock: Clock
  readonly #cache: Cache
  readonly #network: Network
  readonly #upkeep: RecordRefresher
  readonly #timers = new Map<MulticastLink, Timer>()
  /** The links on which everybody was asked often enough at first. */
  readonly #stable = new Set<MulticastLink>()
  #first: Promise<void> | undefined
  #isBrowsing = false
  #isClosed = false

  constructor(clock: Clock, cache: Cache, network: Network) {
    this.#clock = clock
    this.#cache = cache
    this.#network = network
    this.#upkeep = new RecordRefresher(clock, cache, {
      canAsk: instance => this.#linksTo(instance).length > 0,
      ask: instances => this.#askFor(instances),
    })
  }

  /** Resolves when those who are there have had time to say so. Asks once, however many wait. */
  settled(): Promise<void> {
    this.#first ??= this.#settle()
    return this.#first
  }

  /** Keeps on asking from now on. */
  browse(): void {
    if (this.#isBrowsing) return
    this.#isBrowsing = true
    for (const link of this.#network.links) this.#again(link, FIRST_AGAIN_MS)
  }

  /** A call to a server failed there. */
  verify(service: string, address: string): void {
    for (const instance of this.#cache.saying(service, address)) this.#upkeep.verify(instance, FAILED)
  }

  up(link: MulticastLink): void {
    if (this.#first === undefined) return
    this.#askFirst(link)
    if (this.#isBrowsing) this.#again(link, FIRST_AGAIN_MS)
    // Who left while the interface was down said so to nobody.
    for (const instance of this.#cache.instances) {
      if (instance.interface === link.interface.name) this.#upkeep.verify(instance, MISSED)
    }
  }

  down(link: MulticastLink): void {
    this.#clock.clear(this.#timers.get(link))
    this.#timers.delete(link)
    this.#stable.delete(link)
  }

  /** Someone else asked what we would have: the answers are ours too (RFC 6762 §7.3). */
  overheard(packet: Packet, source: Source, link: MulticastLink): void {
    const [question] = packet.questions
    if (!this.#isBrowsing || packet.isTruncated || source.port !== link.port) return
    const isOurs = question?.type === 'PTR' && isSameName(question.name, GO_TYPE) && !question.isUnicast
    const isStable = this.#stable.has(link)
    if (isOurs && isStable && packet.answers.length === 0) this.#again(link, STABLE_MS)
  }

  close(): void {
    this.#isClosed = true
    this.#upkeep.close()
    for (const timer of this.#timers.values()) this.#clock.clear(timer)
    this.#timers.clear()
  }

  async #settle(): Promise<void> {
    for (const link of this.#network.links) this.#askFirst(link)
    const clock = this.#clock
    const end = clock.now() + MOST_QUIET_MS
    await clock.sleep(ANSWER_MS)
    for (let before = -1; before !== this.#cache.size && clock.now() < end; ) {
      before = this.#cache.size
      await clock.sleep(QUIET_MS)
      // What has arrived is read before this is looked at.
      await nextTurn()
    }
  }

  /**
   * Twice: what was multicast less than a second ago is not said again, and who came since has not heard it; so everybody is
   * also asked for answers to this process alone.
   */
  #askFirst(link: MulticastLink): void {
    const questions = [QUESTION]
    link.ask(query({ questions })).catch(ignore)
    link.multicast(query({ questions })).catch(ignore)
  }

  #again(link: MulticastLink, ms: number): void {
    if (this.#isClosed) return
    const clock = this.#clock
    const again = (): void => {
      this.#askAll(link)
      this.#again(link, Math.min(2 * ms, STABLE_MS))
    }
    clock.clear(this.#timers.get(link))
    const timer = clock.setTimeout(again, ms * (1 + clock.random() / 10))
    timer.unref()
    if (ms >= STABLE_MS) this.#stable.add(link)
    this.#timers.set(link, timer)
  }

  /** With those that need not answer, since they are known for long enough (RFC 6762 §7.1). */
  #askAll(link: MulticastLink): void {
    const now = this.#clock.now()
    const known: Resource[] = []
    for (const { interface: on, name, ttlMs, heardAt } of this.#cache.instances) {
      const left = heardAt + ttlMs - now
      if (on !== link.interface.name || left <= ttlMs * KNOWN_LEFT) continue
      known.push({
        type: 'PTR',
        name: GO_TYPE,
        data: name,
        ttlSeconds: Math.round(left / 1_000),
        isUnique: false,
      })
    }
    const parts = inParts(known, sizeOf(QUESTION))
    for (const [i, answers] of parts.entries()) {
      const questions = i === 0 ? [QUESTION] : []
      link.multicast(query({ questions, answers, isTruncated: i < parts.length - 1 })).catch(ignore)
    }
  }

  #askFor(instances: readonly Instance[]): void {
    // Servers do not mind who else is there; what they heard by the way just expires.
    if (!this.#isBrowsing) return
    for (const link of this.#network.links) {
      const there = instances.filter(({ interface: on }) => on === link.interface.name)
      for (const questions of inParts(there.map(toQuestion), 0)) {
        if (questions.length > 0) link.ask(query({ questions })).catch(ignore)
      }
      // What is there to be known was multicast just now, and will not be again within a second.
      const known = there.filter(({ text }) => text !== undefined)
      for (const questions of inParts(known.map(toQuestion), 0)) {
        if (questions.length > 0) link.multicast(query({ questions })).catch(ignore)
      }
    }
  }

  #linksTo(instance: Instance): readonly MulticastLink[] {
    return this.#network.links.filter(link => link.interface.name === instance.interface)
  }
}

const QUESTION: Question = { name: GO_TYPE, type: 'PTR', isUnicast: false }

/** Until when the answers to a question are there: they come after up to 120 ms (RFC 6762 §6). */
const ANSWER_MS = 200
/** When nobody new was heard of for so long, all have answered. */
const QUIET_MS = 60
const MOST_QUIET_MS = 1_000
const FIRST_AGAIN_MS = 1_000
/** Half of the life of our records, which are then said anew. */
const STABLE_MS = 60_000

/** Who has less than this left of its life would not live to be asked again before it is due. */
const KNOWN_LEFT = 0.75

function toQuestion({ name }: Instance): Question {
  return { name, type: 'TXT', isUnicast: false }
}

/** Into lists that fit a packet each; one list at least. */
function inParts<T extends Question | Resource>(all: readonly T[], taken: number): T[][] {
  const parts: T[][] = [[]]
  let bytes = HEADER_BYTES + taken
  for (const one of all) {
    const size = sizeOf(one)
    if (bytes + size > MAX_PACKET_BYTES) {
      parts.push([])
      bytes = HEADER_BYTES
    }
    parts.at(-1)?.push(one)
    bytes += size
  }
  return parts
}

// A link that fails is told of to the network.
function ignore(): void {}
