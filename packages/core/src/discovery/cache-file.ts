import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import type { Endpoint, Endpoints } from './discovery.ts'
import type { EntryRules } from './entry-rules.ts'

/** The endpoints of one service at some moment. */
export interface CachedList {
  /** When the registry reported this list, in milliseconds since the epoch. */
  readonly at: number
  readonly endpoints: Endpoints
}

/** A JSON file with one list per service. Each write replaces the whole file. */
export class CacheFile {
  readonly #clock: Clock
  readonly #path: string
  readonly #rules: EntryRules
  /** Whether the file contains something else, which must not be overwritten. */
  #isForeign = false

  /** @param rules the rules that decide which stored endpoints `read` returns */
  constructor(clock: Clock, path: string, rules: EntryRules) {
    this.#clock = clock
    this.#path = path
    this.#rules = rules
  }

  /** Returns the stored lists; none when the file does not exist. @throws when the file cannot be read, or contains something else */
  async read(): Promise<Map<string, CachedList>> {
    let text: string
    try {
      const { size } = await stat(this.#path)
      if (size > MOST_BYTES) throw new Error(`${this.#path} has ${size} bytes, more than ${MOST_BYTES}`)
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
      this.#isForeign = true
      throw error
    }
    // A file with our `HEAD` that does not parse is ours: it was cut off when the disk was full, for example.
    this.#isForeign = text !== '' && !text.startsWith(HEAD)
    if (this.#isForeign) throw new Error(`${this.#path} is no cache of endpoints; it is left as it is`)
    return parse(JSON.parse(text) as Content, this.#rules, this.#clock.wallTime())
  }

  /** Replaces the file. A concurrent reader gets the old lists. @throws when the file cannot be written */
  async write(lists: ReadonlyMap<string, CachedList>): Promise<void> {
    if (this.#isForeign) return
    const services = [...lists].map(([service, { at, endpoints }]) => {
      return [service, { at, servers: endpoints.map(({ address, metadata }) => [address, metadata]) }]
    })
    const text = `${HEAD}${JSON.stringify(Object.fromEntries(services))}}\n`
    const next = `${this.#path}.${process.pid}`
    try {
      await writeFile(next, text)
      await rename(next, this.#path)
    } catch (error) {
      await rm(next, { force: true })
      throw error
    }
  }
}

// Room for a million servers.
const MOST_BYTES = 256 * 2 ** 20
// The beginning of every file that this class writes.
const HEAD = '{"rpcx":"endpoints","version":1,"services":'

interface Content {
  readonly services: Readonly<
    Record<string, { readonly at: number; readonly servers: readonly [string, string][] }>
  >
}

/** @throws TypeError when the content is not what `write` writes */
function parse({ services }: Content, rules: EntryRules, now: number): Map<string, CachedList> {
  return new Map(
    Object.entries(services).map(([service, { at, servers }]) => {
      const endpoints = servers.flatMap(([address, metadata]): Endpoint[] => {
        if (typeof address !== 'string' || typeof metadata !== 'string') throw new TypeError('no server')
        try {
          return [rules.read(address, metadata)]
        } catch {
          // Another program wrote this entry, or the file was written while more networks were allowed.
          return []
        }
      })
      // After the clock was set back, the stored time may be in the future.
      return [service, { at: Math.min(Number(at), now), endpoints: Object.freeze(endpoints) }]
    }),
  )
}
