import type { Clock, Timer } from '@rpcx/core'
import type { MulticastLink } from './multicast-link.ts'
import type { Packet, Question, Resource } from './packet.ts'
import { HEADER_BYTES, isSameName, isSameRecord, MAX_PACKET_BYTES, query, sizeOf } from './packet.ts'
import type { Publication } from './publication.ts'
import { comparePlans } from './publication.ts'

/** The result of a probe. `taken`: another host has the name, or probes for it at the same time and wins. */
export type Verdict = 'free' | 'taken'

interface Trial {
  readonly publication: Publication
  readonly links: readonly MulticastLink[]
  asked: number
  readonly decide: (verdict: Verdict) => void
}

/** The part of a session that probes for names: three times, 250 ms apart (RFC 6762 §8.1). Probes of the same moment share packets. */
export class Prober {
  readonly #clock: Clock
  readonly #trials = new Set<Trial>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when the result for all of these links is known. */
  probe(publication: Publication, links: readonly MulticastLink[]): Promise<Verdict> {
    if (this.#isClosed) return Promise.reject(new Error('the session was closed'))
    return new Promise(resolve => {
      const trial: Trial = {
        publication,
        links,
        asked: 0,
        decide: verdict => {
          if (this.#trials.delete(trial)) resolve(verdict)
        },
      }
      this.#trials.add(trial)
      // The random delay keeps machines that start together from probing together.
      if (this.#timer === undefined) this.#tickIn(this.#clock.random() * EVERY_MS)
    })
  }

  /** Compares a packet with the names that are being probed for. */
  heard(packet: Packet, link: MulticastLink): void {
    if (this.#trials.size === 0) return
    const said = packet.kind === 'response' ? [...packet.answers, ...packet.additionals] : packet.authorities
    const names = new Set(said.map(({ name }) => name.toLowerCase()))
    for (const trial of this.#trials) {
      const { goName, toolName } = trial.publication
      const isNamed = names.has(goName.toLowerCase()) || names.has(toolName.toLowerCase())
      if (isNamed && trial.links.includes(link)) this.#judge(trial, packet, link)
    }
  }

  down(link: MulticastLink): void {
    for (const trial of this.#trials) {
      // The name is probed for again when the link is up again.
      if (trial.links.every(other => other === link)) trial.decide('free')
    }
  }

  close(): void {
    this.#isClosed = true
    this.#clock.clear(this.#timer)
    for (const trial of [...this.#trials]) trial.decide('taken')
  }

  #judge(trial: Trial, packet: Packet, link: MulticastLink): void {
    const plan = planOf(trial.publication, link)
    if (packet.kind === 'response') {
      const theirs = [...packet.answers, ...packet.additionals].filter(
        record => record.ttlSeconds > 0 && isNamed(record, plan),
      )
      if (theirs.some(record => !plan.some(ours => isSameRecord(ours, record)))) trial.decide('taken')
      return
    }
    const { goName, toolName } = trial.publication
    const of = (records: readonly Resource[], name: string): readonly Resource[] =>
      records.filter(record => isSameName(record.name, name))
    // Compare the records of one name only. Comparing both names could give opposite results, and both hosts would give way.
    const name = of(packet.authorities, goName).length > 0 ? goName : toolName
    const theirs = of(packet.authorities, name)
    if (theirs.length > 0 && comparePlans(of(plan, name), theirs) < 0) trial.decide('taken')
  }

  #tickIn(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#tick(), ms).unref()
  }

  #tick(): void {
    this.#timer = undefined
    const asking = new Map<MulticastLink, Publication[]>()
    for (const trial of [...this.#trials]) {
      if (trial.asked === TIMES) {
        trial.decide('free')
        continue
      }
      trial.asked++
      for (const link of trial.links) {
        asking.set(link, [...(asking.get(link) ?? []), trial.publication])
      }
    }
    for (const [link, publications] of asking) {
      for (const packet of toProbes(publications, link)) link.multicast(packet).catch(ignore)
    }
    if (this.#trials.size > 0) this.#tickIn(EVERY_MS)
  }
}

const TIMES = 3
const EVERY_MS = 250

/** Returns the records that no other host may have. */
function planOf(publication: Publication, link: MulticastLink): readonly Resource[] {
  const records = publication.records(link.interface)
  return records === undefined ? [] : [...records.goSrv, ...records.goTxt, ...records.toolSrv]
}

function isNamed(record: Resource, plan: readonly Resource[]): boolean {
  return (
    (record.type === 'SRV' || record.type === 'TXT') && plan.some(({ name }) => isSameName(name, record.name))
  )
}

function toProbes(publications: readonly Publication[], link: MulticastLink): Packet[] {
  const probes: { questions: Question[]; authorities: Resource[]; bytes: number }[] = []
  for (const publication of publications) {
    const authorities = planOf(publication, link)
    const questions = [publication.goName, publication.toolName].map(
      (name): Question => ({ name, type: 'ANY', isUnicast: false }),
    )
    const bytes = [...questions, ...authorities].reduce((sum, part) => sum + sizeOf(part), 0)
    const last = probes.at(-1)
    if (last !== undefined && last.bytes + bytes <= MAX_PACKET_BYTES) {
      last.questions.push(...questions)
      last.authorities.push(...authorities)
      last.bytes += bytes
    } else {
      probes.push({ questions, authorities: [...authorities], bytes: HEADER_BYTES + bytes })
    }
  }
  return probes.map(({ questions, authorities }) => query({ questions, authorities }))
}

// The link reports its failure to the network.
function ignore(): void {}
