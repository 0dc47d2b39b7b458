import type { Clock, Timer } from '@rpcx/core'
import type { Bundle } from './bundle.ts'
import { toPackets } from './bundle.ts'
import type { History } from './history.ts'
import type { MulticastLink } from './multicast-link.ts'
import type { Publication, Records } from './publication.ts'
import { TTL_SECONDS } from './publication.ts'

/**
 * The part of a session that announces new records, at once and twice more (RFC 6762 §8.3), and withdraws old ones. Announcements of the
 * same moment share packets.
 */
export class RecordAnnouncer {
  readonly #clock: Clock
  readonly #history: History
  #due = new Set<Publication>()
  #saying: Promise<void> | undefined
  readonly #repeats = new Map<Publication, Timer>()
  readonly #saidAt = new WeakMap<Publication, number>()

  constructor(clock: Clock, history: History) {
    this.#clock = clock
    this.#history = history
  }

  /**
   * Announces an entry on its established links. Resolves when the system has accepted it.
   * @throws Error of the system when every link failed
   */
  async announce(publication: Publication): Promise<void> {
    const clock = this.#clock
    const sinceMs = clock.now() - (this.#saidAt.get(publication) ?? Number.NEGATIVE_INFINITY)
    if (sinceMs < LEAST_MS) await clock.sleep(LEAST_MS - sinceMs)
    this.#saidAt.set(publication, clock.now())
    await this.#soon(publication)
    this.#repeat(publication, REPEATS_MS)
  }

  /** Announces entries on a link that has just come up. */
  announceOn(link: MulticastLink, publications: Iterable<Publication>): Promise<void> {
    for (const publication of publications) this.#repeat(publication, REPEATS_MS)
    return this.#say(publications, [link])
  }

  /** Withdraws an entry. Sends the goodbye several times, because no host would ask for a lost one. */
  async goodbye(publication: Publication): Promise<void> {
    const links = [...publication.established]
    publication.established.clear()
    const packets = links.map(link => {
      const records = publication.records(link.interface)
      const bundles = records === undefined ? [] : whole(records, GOODBYE)
      return toPackets(bundles).map(packet => () => link.multicast(packet).catch(ignore))
    })
    for (const pauseMs of GOODBYE_PAUSES_MS) {
      // Not `unref`ed, so that a process that exits still sends all goodbyes.
      await new Promise<void>(resolve => this.#clock.setTimeout(resolve, pauseMs))
      await Promise.all(packets.flat().map(send => send()))
    }
  }

  forget(publication: Publication): void {
    this.#clock.clear(this.#repeats.get(publication))
    this.#repeats.delete(publication)
    this.#due.delete(publication)
  }

  close(): void {
    for (const timer of this.#repeats.values()) this.#clock.clear(timer)
    this.#repeats.clear()
  }

  #soon(publication: Publication): Promise<void> {
    this.#due.add(publication)
    this.#saying ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const due = this.#due
        this.#due = new Set()
        this.#saying = undefined
        this.#say(due).then(resolve, reject)
      })
    })
    return this.#saying
  }

  async #say(publications: Iterable<Publication>, links?: readonly MulticastLink[]): Promise<void> {
    const bundles = new Map<MulticastLink, Bundle[]>()
    for (const publication of publications) {
      for (const link of links ?? publication.established) {
        const records = publication.records(link.interface)
        if (records !== undefined && publication.established.has(link)) {
          bundles.set(link, [...(bundles.get(link) ?? []), ...whole(records)])
        }
      }
    }
    const sent = [...bundles].map(([link, all]) => this.#history.say(link, all))
    if (sent.length > 0) await Promise.any(sent).catch(error => Promise.reject(error.errors[0]))
  }

  #repeat(publication: Publication, [ms, ...rest]: readonly number[]): void {
    this.#clock.clear(this.#repeats.get(publication))
    this.#repeats.delete(publication)
    if (ms === undefined) return
    const again = (): void => {
      this.#soon(publication).catch(ignore)
      this.#repeat(publication, rest)
    }
    const timer = this.#clock.setTimeout(again, ms).unref()
    this.#repeats.set(publication, timer)
  }
}

/** The minimum time between two announcements of an entry, however often it changes. */
const LEAST_MS = 100
const REPEATS_MS = [1_000, 2_000]
const GOODBYE = 0
// The goodbye is repeated in case a packet gets lost.
const GOODBYE_PAUSES_MS = [0, 40, 80]

function whole(records: Records, ttlSeconds: number = TTL_SECONDS): Bundle[] {
  const { goPtr, goSrv, goTxt, toolPtr, toolSub, toolSrv, toolTxt, host, type } = records
  // Other entries share the host's addresses and the types, so a goodbye does not withdraw them.
  const shared = ttlSeconds === GOODBYE ? [] : [...host, ...type]
  return [
    [...goPtr, ...goSrv, ...goTxt, ...shared.filter(record => record.type !== 'PTR')],
    [...toolPtr, ...toolSub, ...toolSrv, ...toolTxt, ...shared],
  ].map(all => ({ answers: all.map(record => ({ ...record, ttlSeconds })), additionals: [] }))
}

// The link reports its failure to the network.
function ignore(): void {}
