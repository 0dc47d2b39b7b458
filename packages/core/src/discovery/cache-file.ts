import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import type { Endpoint, Endpoints } from './discovery.ts'
import type { EntryRules } from './entry-rules.ts'

/** A list as it was at some moment. */
export interface CachedList {
  /** When the registry had it, in milliseconds since the epoch. */
  readonly at: number
  readonly endpoints: Endpoints
}

/** Lists by service, in a JSON file that is replaced as a whole. */
export class CacheFile {
  readonly #clock: Clock
  readonly #path: string
  readonly #rules: EntryRules
  /** Settings or data of something else, which we must not overwrite. */
  #isForeign = false

  /** @param rules what is read back of it */
  constructor(clock: Clock, path: string, rules: EntryRules) {
    this.#clock = clock
    this.#path = path
    this.#rules = rules
  }

  /** No file holds no lists. @throws when it cannot be read, or holds something else */
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
    // What only looks like ours was cut off when its disk was full, say.
    this.#isForeign = text !== '' && !text.startsWith(HEAD)
    if (this.#isForeign) throw new Error(`${this.#path} is no cache of endpoints; it is left as it is`)
    return parse(JSON.parse(text) as Content, this.#rules, this.#clock.wallTime())
  }

  /** Whoever reads meanwhile reads the lists of before. @throws when it cannot be written */
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
// By which we know our own.
const HEAD = '{"rpcx":"endpoints","version":1,"services":'

interface Content {
  readonly services: Readonly<
    Record<string, { readonly at: number; readonly servers: readonly [string, string][] }>
  >
}

/** @throws `ERR_RPCX_ADDRESS`, or a TypeError, when it is not as we write it */
function parse({ services }: Content, rules: EntryRules, now: number): Map<string, CachedList> {
  return new Map(
    Object.entries(services).map(([service, { at, servers }]) => {
      const endpoints = servers.flatMap(([address, metadata]): Endpoint[] => {
        if (typeof address !== 'string' || typeof metadata !== 'string') throw new TypeError('no server')
        try {
          return [rules.read(address, metadata)]
        } catch {
          // Written by another program, or when other networks were allowed.
          return []
        }
      })
      // A clock that was set back would make it newer than it is.
      return [service, { at: Math.min(Number(at), now), endpoints: Object.freeze(endpoints) }]
    }),
  )
}
