import { isDeepStrictEqual } from 'node:util'
import type { Discovery, Endpoints } from '@rpcx/core'
import { Log } from './log.ts'

/** The metadata of each server of a service, by its address. */
export type Entries = Readonly<Record<string, string>>

/** A log of the lists that a discovery shows of one service. */
export class View {
  readonly service: string
  readonly lists: Log<Endpoints>
  /** Resolves when the `watch` of the discovery has ended by itself. */
  readonly ended: Promise<void>

  constructor(discovery: Discovery, service: string, signal: AbortSignal) {
    this.service = service
    this.lists = new Log(signal)
    this.ended = this.#watch(discovery, service)
    this.ended.catch(() => {})
  }

  get entries(): Entries | undefined {
    const { last } = this.lists
    return last && entriesOf(last)
  }

  /** The number of lists that it has shown, for a later `since`. */
  get mark(): number {
    return this.lists.all.length
  }

  /** Returns the current list or the next one for which `isSo` holds. */
  until(what: string, isSo: (entries: Entries) => boolean): Promise<Endpoints> {
    return this.lists.until(what, list => isSo(entriesOf(list)), Math.max(0, this.mark - 1))
  }

  /** Waits until it shows exactly these entries. */
  shows(entries: Entries): Promise<Endpoints> {
    return this.until(`a list of exactly ${JSON.stringify(entries)}`, found =>
      isDeepStrictEqual(found, entries),
    )
  }

  /** The lists that it has shown from `mark` on, as entries. */
  since(mark: number): readonly Entries[] {
    return this.lists.all.slice(mark).map(entriesOf)
  }

  async #watch(discovery: Discovery, service: string): Promise<void> {
    for await (const endpoints of discovery.watch(service)) this.lists.add(endpoints)
  }
}

/** Returns the entries of a list, without their order. */
export function entriesOf(endpoints: Endpoints): Entries {
  return Object.fromEntries(endpoints.map(({ address, metadata }) => [address, metadata]))
}
