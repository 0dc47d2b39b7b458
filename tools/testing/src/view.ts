import { isDeepStrictEqual } from 'node:util'
import type { Discovery, Endpoints } from '@rpcx/core'
import type { Happened } from './log.ts'
import { Log } from './log.ts'

/** The metadata of each server of a service, by its address. */
export type Entries = Readonly<Record<string, string>>

/** A log of the lists that a discovery shows of one service, from now on. */
export class View extends Log<Entries> {
  readonly service: string

  constructor(discovery: Discovery, service: string) {
    super()
    this.service = service
    void this.#watch(discovery)
  }

  /** Waits until the newest list is exactly this. */
  shows(entries: Entries, ms?: number): Promise<Happened<Entries>> {
    return this.until(list => isDeepStrictEqual(list, entries), Math.max(0, this.mark - 1), ms)
  }

  async #watch(discovery: Discovery): Promise<void> {
    for await (const endpoints of discovery.watch(this.service)) this.add(entriesOf(endpoints))
  }
}

/** Returns the entries of a list, without their order. */
export function entriesOf(endpoints: Endpoints): Entries {
  return Object.fromEntries(endpoints.map(({ address, metadata }) => [address, metadata]))
}
