import type { StoredEntry } from '../discovery/driver.ts'
import { RpcxError } from '../errors.ts'
import type { PublicEvents } from '../events.ts'
import type { ServerEvents } from '../server/plugin.ts'
import type { EntryRef } from './entry-ref.ts'

/**
 * Tracks whether a registry holds our entry as ours, and emits events about it. The first claim replaces another server at our address.
 * Later, this server leaves another one alone.
 */
export class Ownership {
  readonly #subject: EntryRef['subject']
  readonly #events: PublicEvents<ServerEvents>
  #state: 'claiming' | 'held' | 'lost' | 'conflict' = 'claiming'
  /** The last version of the entry that no session kept. */
  #detached = -1n

  constructor(subject: EntryRef['subject'], events: PublicEvents<ServerEvents>) {
    this.#subject = subject
    this.#events = events
  }

  get isHeld(): boolean {
    return this.#state === 'held'
  }

  /** Whether this server may replace the stored entry. */
  mayReplace(there: StoredEntry | undefined): boolean {
    if (there?.by === 'other') return this.#state === 'claiming'
    // During a conflict, the other server restores its entry after an edit. This server leaves it alone.
    return there?.by !== 'editor' || this.#state !== 'conflict'
  }

  /** Evaluates the stored entry. Returns whether this server has now lost its entry. */
  judge(there: StoredEntry | undefined): boolean {
    const { registry, service, address } = this.#subject
    const where = `${service} at ${address}`
    if (there === undefined) {
      return this.lost('deleted', new RpcxError('ERR_RPCX_LOST', `${registry}: someone deleted ${where}`))
    }
    if (there.by === 'us' && !this.isHeld) {
      this.#state = 'held'
      this.#events.emit('registered', this.#subject)
    }
    this.#tellDetached(there)
    if (this.mayReplace(there)) return false
    const error = new RpcxError('ERR_RPCX_CONFLICT', `${registry}: another server holds ${where}`)
    const isLost = this.lost('taken', error)
    if (this.#state === 'lost') this.#events.emit('conflict', { ...this.#subject, error })
    this.#state = 'conflict'
    return isLost
  }

  /** Records that the entry is lost. Returns whether it was held before. */
  lost(why: 'deleted' | 'expired' | 'taken', error: Error): boolean {
    if (!this.isHeld) return false
    this.#state = 'lost'
    this.#events.emit('lost', { ...this.#subject, why, error })
    return true
  }

  /** Records that this server removed the entry. */
  withdrawn(): void {
    this.#state = 'lost'
    this.#events.emit('withdrawn', this.#subject)
  }

  /** Emits `detached` once for each version. */
  #tellDetached({ by, version }: StoredEntry): void {
    if (by !== 'nobody' || !this.isHeld || version === this.#detached) return
    this.#detached = version
    this.#events.emit('detached', this.#subject)
  }
}
