import { randomUUID } from 'node:crypto'
import type { Driver, DriverTraits, Entry, RegistrySession, Replica, StoredEntry } from '@rpcx/core'
import type { Kept } from './folder.ts'
import { Folder } from './folder.ts'

/** Everything that is particular to this registry. What follows from an outage or a loss is core's to decide. */
export class FolderDriver implements Driver {
  readonly name = 'folder'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #folder: Folder
  readonly #ttlMs: number
  readonly #sessions = new Set<string>()

  constructor(path: string, ttlMs: number) {
    if (typeof path !== 'string' || path === '') {
      throw new TypeError(`folder: path is ${JSON.stringify(path)}, not a folder`)
    }
    this.#folder = new Folder(path, ttlMs)
    this.#ttlMs = ttlMs
  }

  check({ address }: Entry): void {
    const bytes = Buffer.byteLength(encodeURIComponent(address))
    if (bytes > 255)
      throw new RangeError(`folder: ${address} takes ${bytes} bytes; a file name has 255 at most`)
  }

  async open(): Promise<RegistrySession> {
    const id = randomUUID()
    await this.#folder.touch(id, true)
    this.#sessions.add(id)
    return new FolderSession(id, this.#folder, this.#ttlMs, this.#sessions)
  }
}

class FolderSession implements RegistrySession {
  readonly ttlMs: number
  readonly ended: Promise<Error>
  readonly #id: string
  readonly #folder: Folder
  readonly #ours: ReadonlySet<string>
  readonly #timer: NodeJS.Timeout

  constructor(id: string, folder: Folder, ttlMs: number, ours: ReadonlySet<string>) {
    this.ttlMs = ttlMs
    this.#id = id
    this.#folder = folder
    this.#ours = ours
    let end: (reason: Error) => void = () => {}
    this.ended = new Promise(resolve => (end = resolve))
    this.#timer = setInterval(() => folder.touch(id, false).catch(end), ttlMs / 3).unref()
  }

  watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    const list = async (): Promise<void> => {
      const found = await this.#folder.list(service)
      if (!signal.aborted) into.replace([...found].map(([address, { metadata }]) => [address, metadata]))
    }
    return this.#folder.watch(service, list, signal)
  }

  watchEntry(
    service: string,
    address: string,
    saw: (held: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const look = async (): Promise<void> => {
      const kept = await this.#folder.get(service, address)
      if (signal.aborted) return
      saw(kept && { metadata: kept.metadata, version: kept.version, by: this.#keeper(kept) })
    }
    return this.#folder.watch(service, look, signal)
  }

  write({ service, address, metadata }: Entry, over: StoredEntry | undefined): Promise<bigint | undefined> {
    const isThere = (kept: Kept | undefined): boolean => kept?.version === over?.version
    return this.#folder.change(service, address, isThere, { metadata, session: this.#id })
  }

  async remove(service: string, address: string): Promise<void> {
    const isOurs = (kept: Kept | undefined): boolean => kept?.session === this.#id
    await this.#folder.change(service, address, isOurs, undefined)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#folder.end(this.#id)
  }

  #keeper({ session }: Kept): StoredEntry['by'] {
    if (session === this.#id) return 'us'
    if (session === '') return 'nobody'
    return this.#ours.has(session) ? 'earlier' : 'other'
  }
}
