import type { RegistrySession, StoredEntry } from '../discovery/driver.ts'
import type { EntryRef } from './entry-ref.ts'

/** The listener of an `EntryWatcher`. */
export interface EntryWatcherOwner {
  /** A watch begins. The next report is the current state. */
  looking(): void
  saw(held: StoredEntry | undefined): void
  failed(error: Error): void
}

/** Watches one entry with a session, and resumes the watch after each disconnect. */
export class EntryWatcher {
  readonly #ref: EntryRef
  readonly #session: RegistrySession
  readonly #owner: EntryWatcherOwner
  readonly #stopping = new AbortController()
  #looking = new AbortController()

  constructor(ref: EntryRef, session: RegistrySession, owner: EntryWatcherOwner) {
    this.#ref = ref
    this.#session = session
    this.#owner = owner
    void this.#run()
  }

  /** Starts a new watch. While the registry is unreachable, the watcher does that anyway. */
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
      // Also waits after a driver that stopped early without an error.
      await this.#ref.connection.backoff.wait(failure, signal)
    }
  }

  /** Watches until `signal` aborts or the driver stops. Resolves to the error of the driver. */
  async #look(signal: AbortSignal): Promise<Error | undefined> {
    const { service, address } = this.#ref
    // The driver may be slow to stop.
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
