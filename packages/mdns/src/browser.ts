import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '@rpcx/core'
import type { Cache, Instance } from './cache.ts'
import type { MulticastLink, Source } from './multicast-link.ts'
import { GO_TYPE } from './names.ts'
import type { Network } from './network.ts'
import type { Packet, Question, Resource } from './packet.ts'
import { HEADER_BYTES, isSameName, MAX_PACKET_BYTES, query, sizeOf } from './packet.ts'
import { FAILED, MISSED, RecordRefresher } from './record-refresher.ts'

/** The part of a session that queries the network for servers: at once, then at growing intervals, and again before records expire. */
export class Browser {
  readonly #clock: Clock
  readonly #cache: Cache
  readonly #network: Network
  readonly #refresher: RecordRefresher
  readonly #timers = new Map<MulticastLink, Timer>()
  /** The links whose query interval has reached its maximum. */
  readonly #stable = new Set<MulticastLink>()
  #first: Promise<void> | undefined
  #isBrowsing = false
  #isClosed = false

  constructor(clock: Clock, cache: Cache, network: Network) {
    this.#clock = clock
    this.#cache = cache
    this.#network = network
    this.#refresher = new RecordRefresher(clock, cache, {
      canAsk: instance => this.#linksTo(instance).length > 0,
      ask: instances => this.#askFor(instances),
    })
  }

  /** Resolves when the servers have had time to answer the first query. Sends it once, however many callers wait. */
  settled(): Promise<void> {
    this.#first ??= this.#settle()
    return this.#first
  }

  /** Starts the periodic queries. */
  browse(): void {
    if (this.#isBrowsing) return
    this.#isBrowsing = true
    for (const link of this.#network.links) this.#again(link, FIRST_AGAIN_MS)
  }

  /** Checks whether a server still exists, after a call to it failed. */
  verify(service: string, address: string): void {
    for (const instance of this.#cache.saying(service, address)) this.#refresher.verify(instance, FAILED)
  }

  up(link: MulticastLink): void {
    if (this.#first === undefined) return
    this.#askFirst(link)
    if (this.#isBrowsing) this.#again(link, FIRST_AGAIN_MS)
    // A server that left while the interface was down could not send its goodbye to us.
    for (const instance of this.#cache.instances) {
      if (instance.interface === link.interface.name) this.#refresher.verify(instance, MISSED)
    }
  }

  down(link: MulticastLink): void {
    this.#clock.clear(this.#timers.get(link))
    this.#timers.delete(link)
    this.#stable.delete(link)
  }

  /** Postpones our own query when another host sends the same one: its answers serve us too (RFC 6762 §7.3). */
  overheard(packet: Packet, source: Source, link: MulticastLink): void {
    const [question] = packet.questions
    if (!this.#isBrowsing || packet.isTruncated || source.port !== link.port) return
    const isOurs = question?.type === 'PTR' && isSameName(question.name, GO_TYPE) && !question.isUnicast
    const isStable = this.#stable.has(link)
    if (isOurs && isStable && packet.answers.length === 0) this.#again(link, STABLE_MS)
  }

  close(): void {
    this.#isClosed = true
    this.#refresher.close()
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
      // Packets that have already arrived are read before the cache is checked.
      await nextTurn()
    }
  }

  /**
   * Asks twice: by multicast, and with a request for unicast answers. Hosts do not repeat a record that they multicast less than a second
   * ago, so a new process gets it only by unicast.
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
    const timer = clock.setTimeout(again, ms * (1 + clock.random() / 10)).unref()
    if (ms >= STABLE_MS) this.#stable.add(link)
    this.#timers.set(link, timer)
  }

  /** Sends the query with the known answers that have enough of their life left, so that nobody repeats them (RFC 6762 §7.1). */
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
    // A session that only registers servers needs no others, so what it has overheard may expire.
    if (!this.#isBrowsing) return
    for (const link of this.#network.links) {
      const there = instances.filter(({ interface: on }) => on === link.interface.name)
      for (const questions of inParts(there.map(toQuestion), 0)) {
        if (questions.length > 0) link.ask(query({ questions })).catch(ignore)
      }
      // An instance without a text was multicast just now. Its host repeats nothing within a second, so only unicast answers help.
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

/** The time in which answers to a query arrive: hosts delay them by up to 120 ms (RFC 6762 §6). */
const ANSWER_MS = 200
/** When no new instance was heard of for this long, all servers have answered. */
const QUIET_MS = 60
const MOST_QUIET_MS = 1_000
const FIRST_AGAIN_MS = 1_000
/** Half the TTL of our records, which the answers then renew. */
const STABLE_MS = 60_000

/** A known answer with less of its life left would expire before the next query, so it is not listed as known. */
const KNOWN_LEFT = 0.75

function toQuestion({ name }: Instance): Question {
  return { name, type: 'TXT', isUnicast: false }
}

/** Splits the parts into lists that each fit a packet. Returns at least one list. */
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

// The link reports its failure to the network.
function ignore(): void {}
