import type { Entry } from '@rpcx/core'
import type { Log } from './log.ts'
import type { Party, Sighting } from './party.ts'

/** Another process that announced the same address, and what it sees of its entry since. */
export class Rival {
  readonly #party: Party
  readonly #entry: Entry
  readonly #seen: Log<Sighting>
  /** What it wrote. */
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

  /** What others did to its entry. */
  get disturbances(): readonly Sighting[] {
    return this.#seen.all.filter(held => held?.by !== 'us' || !this.#texts.has(held.metadata))
  }

  /** Resolves when its entry is not its own any more. */
  replaced(): Promise<Sighting> {
    return this.#seen.until('the end of the earlier entry', held => held?.by !== 'us')
  }

  /** Whether its entry was as it should be until now, and is now as `metadata` says. */
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
