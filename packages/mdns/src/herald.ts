import type { Link } from './link.ts'
import type { Publication } from './publication.ts'
import type { Responder } from './responder.ts'

/** Says what is new without being asked: at once, all of one moment in common packets, and twice more (RFC 6762 §8.3). */
export class Herald {
  readonly #responder: Responder
  #due = new Set<Publication>()
  #saying: Promise<void> | undefined
  readonly #repeats = new Map<Publication, NodeJS.Timeout>()
  readonly #saidAt = new WeakMap<Publication, number>()

  constructor(responder: Responder) {
    this.#responder = responder
  }

  /** Resolves when the system has it. @throws Error of the system when not one link took it */
  async announce(publication: Publication): Promise<void> {
    const sinceMs = performance.now() - (this.#saidAt.get(publication) ?? Number.NEGATIVE_INFINITY)
    if (sinceMs < LEAST_MS) await new Promise(resolve => setTimeout(resolve, LEAST_MS - sinceMs).unref())
    this.#saidAt.set(publication, performance.now())
    await this.#say(publication)
    this.#repeat(publication, REPEATS_MS)
  }

  /** To those on a link that has just come up. */
  announceOn(link: Link, publications: Iterable<Publication>): Promise<void> {
    for (const publication of publications) this.#repeat(publication, REPEATS_MS)
    return this.#responder.announce(publications, [link])
  }

  forget(publication: Publication): void {
    clearTimeout(this.#repeats.get(publication))
    this.#repeats.delete(publication)
    this.#due.delete(publication)
  }

  close(): void {
    for (const timer of this.#repeats.values()) clearTimeout(timer)
    this.#repeats.clear()
  }

  #say(publication: Publication): Promise<void> {
    this.#due.add(publication)
    this.#saying ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const due = this.#due
        this.#due = new Set()
        this.#saying = undefined
        this.#responder.announce(due).then(resolve, reject)
      })
    })
    return this.#saying
  }

  #repeat(publication: Publication, [ms, ...rest]: readonly number[]): void {
    clearTimeout(this.#repeats.get(publication))
    this.#repeats.delete(publication)
    if (ms === undefined) return
    const again = (): void => {
      this.#say(publication).catch(ignore)
      this.#repeat(publication, rest)
    }
    this.#repeats.set(publication, setTimeout(again, ms).unref())
  }
}

/** Between two announcements of an entry, however often it changes. */
const LEAST_MS = 100
const REPEATS_MS = [1_000, 2_000]

// A link that fails is told of to the network.
function ignore(): void {}
