import type { RegistrySession, StoredEntry } from '../discovery/driver.ts'
import type { EntryRef } from './entry-ref.ts'

/** Who hears what a lookout sees. */
export interface EntryWatcherOwner {
  /** It begins to look; what it sees next is there from now on. */
  looking(): void
  saw(held: StoredEntry | undefined): void
  failed(error: Error): void
}

/** Has a session watch one entry, through every disconnect. */
export class EntryWatcher {
  readonly #place: EntryRef
  readonly #session: RegistrySession
  readonly #owner: EntryWatcherOwner
  readonly #stopping = new AbortController()
  #looking = new AbortController()

  constructor(place: EntryRef, session: RegistrySession, owner: EntryWatcherOwner) {
    this.#place = place
    this.#session = session
    this.#owner = owner
    void this.#run()
  }

  /** Looks anew. While the registry is out of reach, that is done anyway. */
  again(): void {
    this.#looking.abort()
  }

  stop(): void {
    this.#stopping.abort()
    this.#looking.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#looking = new AbortController()
      const failure = await this.#look(this.#looking.signal)
      if (this.#looking.signal.aborted) continue
      if (failure !== undefined) this.#owner.failed(failure)
      // Also a driver that stops early without an error is not asked again at once.
      await this.#place.uplink.backoff.wait(failure, signal)
    }
  }

  /** Until another look is due. Resolves to what went wrong. */
  async #look(signal: AbortSignal): Promise<Error | undefined> {
    const { service, address } = this.#place
    // The driver may take its time to end.
    const over = new Promise<void>(resolve =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    const saw = (held: StoredEntry | undefined): void => {
      if (!signal.aborted) this.#owner.saw(held)
    }
    try {
      this.#owner.looking()
      await Promise.race([this.#session.watchEntry(service, address, saw, signal), over])
      return undefined
    } catch (error) {
      return error as Error
    }
  }
}
