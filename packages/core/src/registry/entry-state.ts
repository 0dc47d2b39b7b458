import type { StoredEntry } from '../discovery/driver.ts'
import type { AnnouncedMetadata } from './announced-metadata.ts'

/**
 * What a registry holds at our address, as far as sightings and the answers to our writes tell. Both may come late and cross
 * each other, so it can also be that only another look tells.
 */
export class EntryState {
  readonly #metadata: AnnouncedMetadata
  #state: 'unseen' | 'doubtful' | 'known' = 'unseen'
  #there: StoredEntry | undefined
  /** The version that we know of; what is not newer tells nothing new. */
  #version = -1n
  /** Whether it was ever ours: a new process starts from its own metadata. */
  #wasOurs = false
  /** Whether another server has it: what is edited then is that server's text. */
  #isAnothers = false
  /** Whether the next sighting tells the truth however old it looks: none of our writes can have come after it. */
  #isFresh = false
  #isWriting = false
  /** What was seen while a write was under way. */
  #crossed: { readonly held: StoredEntry | undefined } | undefined
  /** What we wrote and had no answer to: found there, it is no edit by others. */
  readonly #unanswered = new Set<string>()

  constructor(metadata: AnnouncedMetadata) {
    this.#metadata = metadata
  }

  /** `undefined`: nothing. Stands for nothing unless `isKnown`. */
  get there(): StoredEntry | undefined {
    return this.#there
  }

  get isKnown(): boolean {
    return this.#state === 'known'
  }

  /** Whether only another look tells what is there. */
  get isDoubtful(): boolean {
    return this.#state === 'doubtful'
  }

  /** Whether there may be something of this session to take out. */
  get mayBeOurs(): boolean {
    return this.#there?.by === 'us' || this.#unanswered.size > 0
  }

  /** Whether what is there is not of this session, as far as is known. */
  get isSomeoneElses(): boolean {
    return this.isKnown && this.#there !== undefined && this.#there.by !== 'us'
  }

  /** Another session begins: who keeps what is to be asked anew. */
  forget(): void {
    this.#state = 'unseen'
    this.#there = undefined
  }

  /** Somebody begins to look, and will tell what is there from now on. */
  looking(): void {
    this.#isFresh = !this.#isWriting
    if (this.isDoubtful) this.#state = 'unseen'
  }

  saw(held: StoredEntry | undefined): void {
    if (this.#isWriting) {
      // Only the answer tells which of them came first.
      this.#crossed = { held }
      return
    }
    const isFresh = this.#isFresh
    this.#isFresh = false
    const isNewer = held !== undefined && held.version > this.#version
    if (!isFresh && !isNewer) {
      // Nothing has no version: it may be from before our last write.
      if (held === undefined) this.#state = 'doubtful'
      return
    }
    this.#state = 'known'
    this.#there = held
    if (held === undefined || held.by === 'us') this.#isAnothers = false
    else if (held.by === 'other') this.#isAnothers = true
    if (held === undefined) return
    this.#version = held.version
    if (isNewer && !this.#isAnothers && (this.#wasOurs || held.by === 'us')) this.#edited(held.metadata)
    if (held.by === 'us') this.#wasOurs = true
  }

  /** A write begins. Returns what it is to replace. */
  writing(): StoredEntry | undefined {
    this.#isWriting = true
    this.#isFresh = false
    return this.#there
  }

  /** It was taken. */
  written(metadata: string, version: bigint): void {
    this.#there = { metadata, version, by: 'us' }
    this.#version = version
    this.#wasOurs = true
    this.#isAnothers = false
    this.#unanswered.clear()
    this.#metadata.written(metadata)
    const crossed = this.#crossed
    this.#answered('known')
    if (crossed !== undefined) this.saw(crossed.held)
  }

  /** It was not taken: something else is there. */
  refused(): void {
    this.#answered('doubtful')
  }

  /** Nobody knows. */
  unanswered(metadata: string): void {
    this.#unanswered.add(metadata)
    this.#answered('doubtful')
  }

  #answered(state: 'known' | 'doubtful'): void {
    this.#isWriting = false
    this.#crossed = undefined
    this.#state = state
  }

  #edited(theirs: string): void {
    if (this.#unanswered.has(theirs)) this.#metadata.written(theirs)
    else this.#metadata.edited(theirs)
    this.#unanswered.clear()
  }
}
