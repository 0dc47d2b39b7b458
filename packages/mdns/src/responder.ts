import type { Clock } from '@rpcx/core'
import type { Bundle } from './bundle.ts'
import { toPackets } from './bundle.ts'
import type { History } from './history.ts'
import type { MulticastLink, Source } from './multicast-link.ts'
import type { Packet, Question, Resource } from './packet.ts'
import { isSameName, isSameRecord } from './packet.ts'
import type { Publication, Records, Role } from './publication.ts'
import { TTL_SECONDS } from './publication.ts'
import type { Asked } from './questions.ts'
import { Questions } from './questions.ts'

/** The requested roles of each entry. */
type Wanted = Map<Publication, Set<Role>>

/** The part of a session that answers queries for its entries. */
export class Responder {
  readonly #publications = new Set<Publication>()
  readonly #clock: Clock
  readonly #history: History
  readonly #questions: Questions
  /** Answers that are about to be multicast. */
  readonly #pending = new Map<MulticastLink, Wanted>()
  #unicasts = 0
  #isClosed = false

  constructor(clock: Clock, history: History) {
    this.#clock = clock
    this.#history = history
    this.#questions = new Questions(clock, (asked, source, link) => this.#answer(asked, source, link))
  }

  /** Starts to answer for an entry, on the links where it is established. */
  add(publication: Publication): void {
    this.#publications.add(publication)
  }

  /** Stops answering for an entry. */
  delete(publication: Publication): void {
    this.#publications.delete(publication)
  }

  asked(packet: Packet, source: Source, link: MulticastLink): void {
    for (const { name } of packet.authorities) this.#defend(name, link)
    this.#questions.add(packet, source, link)
  }

  down(link: MulticastLink): void {
    this.#pending.delete(link)
    this.#questions.forget(link)
    for (const publication of this.#publications) publication.established.delete(link)
  }

  close(): void {
    this.#isClosed = true
    this.#questions.close()
    this.#pending.clear()
  }

  /** Defends our names against the probe of another host, by sending our records at once (RFC 6762 §8.1). */
  #defend(name: string, link: MulticastLink): void {
    const bundles: Bundle[] = []
    for (const publication of this.#publications) {
      const records = publication.established.has(link) ? publication.records(link.interface) : undefined
      if (records === undefined) continue
      const answers = [...records.goSrv, ...records.goTxt, ...records.toolSrv, ...records.toolTxt].filter(
        record => isSameName(record.name, name) && this.#history.ageMs(link, record) >= DEFENCE_EVERY_MS,
      )
      if (answers.length > 0) bundles.push({ answers, additionals: [] })
    }
    if (bundles.length > 0) this.#history.say(link, bundles).catch(ignore)
  }

  #answer({ id, questions, known }: Asked, source: Source, link: MulticastLink): void {
    const isLegacy = source.port !== link.port
    // Only Go clients number their queries. They listen only during a query, so they have missed everything multicast before.
    const isNew = !isLegacy && id !== 0 && known.length === 0
    const alone: Wanted = new Map()
    let isShared = false
    for (const publication of this.#publications) {
      if (!publication.established.has(link)) continue
      const records = publication.records(link.interface)
      if (records === undefined) continue
      for (const question of questions) {
        for (const role of rolesOf(records, question)) {
          if (records[role].every(record => isKnown(record, known))) continue
          if (isNew && role === 'goPtr')
            for (const record of records[role]) this.#history.excuse(link, record)
          isShared ||= records[role].some(record => !record.isUnique)
          const isRecent = records[role].every(
            record => this.#history.ageMs(link, record) < (TTL_SECONDS / 4) * 1_000,
          )
          if (isLegacy || (question.isUnicast && isRecent)) want(alone, publication, role)
          else this.#pend(link, publication, role, isShared)
        }
      }
    }
    if (alone.size > 0) void this.#unicast(alone, { id, questions }, source, link, isShared)
  }

  #pend(link: MulticastLink, publication: Publication, role: Role, isShared: boolean): void {
    const waiting = this.#pending.get(link)
    const wanted: Wanted = waiting ?? new Map()
    want(wanted, publication, role)
    if (waiting !== undefined) return
    this.#pending.set(link, wanted)
    // Other hosts answer too, so a random delay spreads the answers (RFC 6762 §6).
    this.#clock.setTimeout(() => this.#flush(link), isShared ? this.#sharedDelayMs() : 0).unref()
  }

  #flush(link: MulticastLink): void {
    const wanted = this.#pending.get(link)
    this.#pending.delete(link)
    const bundles = this.#bundles(wanted ?? new Map(), link)
      .map(({ answers, additionals }) => ({
        answers: answers.filter(record => this.#history.ageMs(link, record) >= AGAIN_AFTER_MS),
        additionals,
      }))
      .filter(({ answers }) => answers.length > 0)
    if (bundles.length > 0) this.#history.say(link, bundles).catch(ignore)
  }

  async #unicast(
    wanted: Wanted,
    asked: Pick<Packet, 'id' | 'questions'>,
    source: Source,
    link: MulticastLink,
    isShared: boolean,
  ): Promise<void> {
    if (this.#unicasts >= MAX_UNICASTS) return
    this.#unicasts++
    if (isShared) await this.#clock.sleep(this.#sharedDelayMs())
    this.#unicasts--
    const isLegacy = source.port !== link.port
    const bundles = this.#bundles(wanted, link)
    for (const packet of toPackets(isLegacy ? bundles.map(forLegacy) : bundles)) {
      const reply = isLegacy ? { ...packet, ...asked } : packet
      link.unicast(reply, source).catch(ignore)
    }
  }

  #sharedDelayMs(): number {
    return 20 + this.#clock.random() * 100
  }

  /** Returns the current records. The entries may have changed or gone since they were requested. */
  #bundles(wanted: Wanted, link: MulticastLink): Bundle[] {
    if (this.#isClosed) return []
    return [...wanted].flatMap(([publication, roles]) => {
      const isOurs = this.#publications.has(publication) && publication.established.has(link)
      const records = isOurs ? publication.records(link.interface) : undefined
      if (records === undefined) return []
      const along = new Set([...roles].flatMap(role => ALONG[role]).filter(role => !roles.has(role)))
      return [
        {
          answers: [...roles].flatMap(role => records[role]),
          additionals: [...along].flatMap(role => records[role]),
        },
      ]
    })
  }
}

/** The additional records for each role, which the asker needs next. Go clients read them from the same packet only. */
const ALONG: Readonly<Record<Role, readonly Role[]>> = {
  goPtr: ['goSrv', 'goTxt', 'host'],
  goSrv: ['host'],
  goTxt: [],
  toolPtr: ['toolSrv', 'toolTxt', 'host'],
  toolSub: ['toolSrv', 'toolTxt', 'host'],
  toolSrv: ['host'],
  toolTxt: [],
  host: [],
  type: [],
  goNone: [],
  toolNone: [],
  hostNone: [],
}

const AGAIN_AFTER_MS = 1_000
const DEFENCE_EVERY_MS = 250
const MAX_UNICASTS = 100

function rolesOf(records: Records, question: Question): Role[] {
  return (Object.keys(records) as Role[]).filter(role =>
    records[role].some(record => isAnswer(record, question)),
  )
}

function isAnswer(record: Resource, { name, type }: Question): boolean {
  if (!isSameName(record.name, name)) return false
  if (record.type === 'NSEC') return type !== 'ANY' && !record.data.some(other => other === type)
  return type === 'ANY' || type === record.type
}

function isKnown(record: Resource, known: readonly Resource[]): boolean {
  return known.some(other => other.ttlSeconds >= record.ttlSeconds / 2 && isSameRecord(record, other))
}

function want(wanted: Wanted, publication: Publication, role: Role): void {
  const roles = wanted.get(publication) ?? new Set()
  wanted.set(publication, roles.add(role))
}

/**
 * Returns the records for unicast DNS. A resolver on another port would keep a record without watching for changes, so its TTL is short
 * (RFC 6762 §6.7).
 */
function forLegacy({ answers, additionals }: Bundle): Bundle {
  const plain = (record: Resource): Resource => ({ ...record, ttlSeconds: 10, isUnique: false })
  return { answers: answers.map(plain), additionals: additionals.map(plain) }
}

// The link reports its failure to the network.
function ignore(): void {}
