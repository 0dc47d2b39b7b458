import type { StoredEntry } from '../discovery/driver.ts'
import { RpcxError } from '../errors.ts'
import type { PublicEvents } from '../events.ts'
import type { ServerEvents } from '../server/plugin.ts'
import type { EntryRef } from './entry-ref.ts'

/** Whether a registry shows our entry as ours, told in events. Who is there when we first come, is replaced; later, left alone. */
export class Ownership {
  readonly #subject: EntryRef['subject']
  readonly #events: PublicEvents<ServerEvents>
  #state: 'claiming' | 'held' | 'lost' | 'conflict' = 'claiming'
  /** The version that was last found to be nobody's. */
  #detached = -1n

  constructor(subject: EntryRef['subject'], events: PublicEvents<ServerEvents>) {
    this.#subject = subject
    this.#events = events
  }

  get isHeld(): boolean {
    return this.#state === 'held'
  }

  /** Whether we may write over what is there. */
  mayReplace(there: StoredEntry | undefined): boolean {
    if (there?.by === 'other') return this.#state === 'claiming'
    // While another server has the address, an editor changed what is that server's to put back.
    return there?.by !== 'editor' || this.#state !== 'conflict'
  }

  /** This is there now. Returns whether the entry is lost by that. */
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

  /** Returns whether it was held before. */
  lost(why: 'deleted' | 'expired' | 'taken', error: Error): boolean {
    if (!this.isHeld) return false
    this.#state = 'lost'
    this.#events.emit('lost', { ...this.#subject, why, error })
    return true
  }

  /** It was taken out, by ourselves. */
  withdrawn(): void {
    this.#state = 'lost'
    this.#events.emit('withdrawn', this.#subject)
  }

  /** Seen twice, it is told once. */
  #tellDetached({ by, version }: StoredEntry): void {
    if (by !== 'nobody' || !this.isHeld || version === this.#detached) return
    this.#detached = version
    this.#events.emit('detached', this.#subject)
  }
}
