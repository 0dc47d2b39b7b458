import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { Endpoint, Endpoints } from './discovery.ts'
import { parseEndpoint } from './discovery.ts'

/** A list as it was at some moment. */
export interface CachedList {
  /** When the registry had it, in milliseconds since the epoch. */
  readonly at: number
  readonly endpoints: Endpoints
}

/** Lists by service, in a JSON file that is replaced as a whole. */
export class CacheFile {
  readonly #path: string
  /** Settings or data of something else, which we must not overwrite. */
  #isForeign = false

  constructor(path: string) {
    this.#path = path
  }

  /** No file holds no lists. @throws when it cannot be read, or holds something else */
  async read(): Promise<Map<string, CachedList>> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
      this.#isForeign = true
      throw error
    }
    // What only looks like ours was cut off when its disk was full, say.
    this.#isForeign = text !== '' && !text.startsWith(HEAD)
    if (this.#isForeign) throw new Error(`${this.#path} is no cache of endpoints; it is left as it is`)
    return parse(JSON.parse(text) as Content)
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

// By which we know our own.
const HEAD = '{"rpcx":"endpoints","version":1,"services":'

interface Content {
  readonly services: Readonly<
    Record<string, { readonly at: number; readonly servers: readonly [string, string][] }>
  >
}

/** @throws `ERR_RPCX_ADDRESS`, or a TypeError, when it is not as we write it */
function parse({ services }: Content): Map<string, CachedList> {
  return new Map(
    Object.entries(services).map(([service, { at, servers }]) => {
      const endpoints = servers.map(([address, metadata]): Endpoint => parseEndpoint(address, metadata))
      // A clock that was set back would make it newer than it is.
      return [service, { at: Math.min(Number(at), Date.now()), endpoints: Object.freeze(endpoints) }]
    }),
  )
}
