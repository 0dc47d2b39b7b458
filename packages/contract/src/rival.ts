import type { Entry } from '@rpcx/core'
import type { Log } from './log.ts'
import type { Party, Sighting } from './party.ts'

/** Another process that registers the same address, with a log of what it sees of its entry. */
export class Rival {
  readonly #party: Party
  readonly #entry: Entry
  readonly #seen: Log<Sighting>
  /** The metadata that it wrote. */
  readonly #texts: Set<string>

  private constructor(party: Party, entry: Entry) {
    this.#party = party
    this.#entry = entry
    this.#texts = new Set([entry.metadata])
    this.#seen = party.watch(entry)
  }

  static async claim(party: Party, entry: Entry): Promise<Rival> {
    await party.claim(entry)
    return new Rival(party, entry)
  }

  /** The changes that others made to its entry. */
  get disturbances(): readonly Sighting[] {
    return this.#seen.all.filter(stored => stored?.by !== 'us' || !this.#texts.has(stored.metadata))
  }

  /** Resolves when the entry no longer belongs to it. */
  replaced(): Promise<Sighting> {
    return this.#seen.until(
      'watchEntry() to report that the entry is no longer its own',
      stored => stored?.by !== 'us',
    )
  }

  /** Writes new metadata. Resolves to whether its entry was intact until now and the registry accepted the write. */
  async update(metadata: string): Promise<boolean> {
    const found = await this.#party.look(this.#entry)
    if (found?.by !== 'us' || !this.#texts.has(found.metadata)) return false
    this.#texts.add(metadata)
    return (await this.#party.write({ ...this.#entry, metadata }, found)) !== undefined
  }

  withdraw(): Promise<void> {
    return this.#party.remove(this.#entry)
  }

  close(): Promise<void> {
    return this.#party.close()
  }
}
