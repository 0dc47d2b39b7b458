import type { StoredEntry } from '../discovery/driver.ts'
import type { AnnouncedMetadata } from './announced-metadata.ts'

/**
 * The entry that a registry holds at our address, as far as watches and the answers to our writes show it. Both may arrive late and cross
 * each other. Then only another read shows the state.
 */
export class EntryState {
  readonly #metadata: AnnouncedMetadata
  #state: 'unseen' | 'doubtful' | 'known' = 'unseen'
  #there: StoredEntry | undefined
  /** The newest known version. A report with the same or an older version contains no news. */
  #version = -1n
  /** Whether the entry was ever ours. A new process starts from its own metadata, not from those of an earlier process. */
  #wasOurs = false
  /** Whether another server holds the address. A change by others then belongs to the metadata of that server. */
  #isAnothers = false
  /** Whether to accept the next report even if it looks old, because it cannot be older than any of our writes. */
  #isFresh = false
  #isWriting = false
  /** The last report that arrived during a write. */
  #crossed: { readonly held: StoredEntry | undefined } | undefined
  /** The metadata of our writes without an answer. If the registry holds them, others did not change the entry. */
  readonly #unanswered = new Set<string>()

  constructor(metadata: AnnouncedMetadata) {
    this.#metadata = metadata
  }

  /** The stored entry; `undefined` when there is none. Meaningful only while `isKnown` is true. */
  get there(): StoredEntry | undefined {
    return this.#there
  }

  get isKnown(): boolean {
    return this.#state === 'known'
  }

  /** Whether only another read shows the state. */
  get isDoubtful(): boolean {
    return this.#state === 'doubtful'
  }

  /** Whether the registry may hold an entry of this session that must be removed. */
  get mayBeOurs(): boolean {
    return this.#there?.by === 'us' || this.#unanswered.size > 0
  }

  /** Whether the registry is known to hold an entry that this session does not keep. */
  get isSomeoneElses(): boolean {
    return this.isKnown && this.#there !== undefined && this.#there.by !== 'us'
  }

  /** Forgets the state when a new session begins, because the owner of the entry must be read again. */
  forget(): void {
    this.#state = 'unseen'
    this.#there = undefined
  }

  /** Records that a watch begins. It first reports the current state. */
  looking(): void {
    this.#isFresh = !this.#isWriting
    if (this.isDoubtful) this.#state = 'unseen'
  }

  saw(held: StoredEntry | undefined): void {
    if (this.#isWriting) {
      // Only the answer to the write shows which of the two came first.
      this.#crossed = { held }
      return
    }
    const isFresh = this.#isFresh
    this.#isFresh = false
    const isNewer = held !== undefined && held.version > this.#version
    if (!isFresh && !isNewer) {
      // A missing entry has no version, so this report may be older than our last write.
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

  /** Records that a write begins. Returns the entry that it replaces. */
  writing(): StoredEntry | undefined {
    this.#isWriting = true
    this.#isFresh = false
    return this.#there
  }

  /** Records that the registry accepted the write. */
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

  /** Records that the registry refused the write, because it holds something else. */
  refused(): void {
    this.#answered('doubtful')
  }

  /** Records that the outcome of the write is unknown. */
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
