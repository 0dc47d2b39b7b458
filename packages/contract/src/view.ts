import { isDeepStrictEqual } from 'node:util'
import type { Discovery, Endpoints } from '@rpcx/core'
import { Log } from './log.ts'

/** The metadata of each server of a service, by its address. */
export type Entries = Readonly<Record<string, string>>

/** Everything that a discovery shows of one service, from now on. */
export class View {
  readonly service: string
  readonly lists: Log<Endpoints>
  /** Resolves when the loop has ended by itself. */
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

  /** How many lists it has shown: where to look on from. */
  get mark(): number {
    return this.lists.all.length
  }

  /** The list that it shows now, or else the next one, that is so. */
  until(what: string, isSo: (entries: Entries) => boolean): Promise<Endpoints> {
    return this.lists.until(what, list => isSo(entriesOf(list)), Math.max(0, this.mark - 1))
  }

  /** Waits until it shows exactly these. */
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

/** What a list says, without the order. */
export function entriesOf(endpoints: Endpoints): Entries {
  return Object.fromEntries(endpoints.map(({ address, metadata }) => [address, metadata]))
}
