import { watch } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a file holds of one server. */
export interface Kept {
  readonly metadata: string
  readonly version: bigint
  /** The session that keeps it alive; empty: nobody. */
  readonly session: string
}

/**
 * A registry in a folder that the processes of one host share: `<service>/<address>` for each server, and `.sessions/<id>`
 * for each session, touched while its process lives.
 */
export class Folder {
  readonly #path: string
  readonly #ttlMs: number

  constructor(path: string, ttlMs: number) {
    this.#path = path
    this.#ttlMs = ttlMs
  }

  /** What there is of a service, without what dead sessions left. */
  async list(service: string): Promise<Map<string, Kept>> {
    const names = (await readdir(this.#directory(service)).catch(ignoreMissing)) ?? []
    const found = new Map<string, Kept>()
    for (const name of names.filter(name => !name.startsWith('.'))) {
      const address = decodeURIComponent(name)
      const kept = await this.get(service, address)
      if (kept !== undefined) found.set(address, kept)
    }
    return found
  }

  async get(service: string, address: string): Promise<Kept | undefined> {
    const text = await readFile(this.#file(service, address), 'utf8').catch(ignoreMissing)
    if (text === undefined) return undefined
    const [version = '', session = '', ...metadata] = text.split('\n')
    const isAlive = session === '' || (await this.#isAlive(session))
    return isAlive ? { version: BigInt(version), session, metadata: metadata.join('\n') } : undefined
  }

  /** Changes one file, if `expects` says so of what is there. Resolves to its version, or to `undefined` if it did not. */
  async change(
    service: string,
    address: string,
    expects: (kept: Kept | undefined) => boolean,
    next: { readonly metadata: string; readonly session: string } | undefined,
  ): Promise<bigint | undefined> {
    const file = this.#file(service, address)
    await mkdir(this.#directory(service), { recursive: true })
    return this.#locked(join(this.#directory(service), '.lock'), async () => {
      const kept = await this.get(service, address)
      if (!expects(kept)) return undefined
      // A clock grows also while there is no file.
      const now = BigInt(Date.now()) * 1_000n
      const version = kept !== undefined && kept.version >= now ? kept.version + 1n : now
      if (next === undefined) {
        await rm(file, { force: true })
      } else {
        const draft = join(this.#directory(service), `.${process.pid}`)
        await writeFile(draft, `${version}\n${next.session}\n${next.metadata}`)
        await rename(draft, file)
      }
      return version
    })
  }

  /** Calls `changed` whenever something may have changed. Rejects when that can no longer be told. */
  async watch(service: string, changed: () => Promise<void>, signal: AbortSignal): Promise<void> {
    await mkdir(this.#directory(service), { recursive: true })
    const watcher = watch(this.#directory(service), { persistent: false })
    // No event tells that a process has died, or that somebody deleted the whole folder.
    const timer = setInterval(() => watcher.emit('change'), this.#ttlMs / 3).unref()
    let isDirty = false
    let looking: Promise<void> | undefined
    const look = async (): Promise<void> => {
      for (; isDirty && !signal.aborted; await changed()) isDirty = false
    }
    try {
      await new Promise<void>((resolve, reject) => {
        // However many changes come while we look, one more look is enough.
        const dirty = (): void => {
          isDirty = true
          looking ??= look()
            .catch(reject)
            .finally(() => (looking = undefined))
        }
        watcher.on('change', dirty).on('error', reject)
        signal.addEventListener('abort', () => resolve(), { once: true })
        if (signal.aborted) resolve()
        else dirty()
      })
    } finally {
      clearInterval(timer)
      watcher.close()
    }
  }

  /** Shows that a session is alive. @throws when it is a new one and cannot be made, or one that somebody has ended */
  async touch(session: string, isNew: boolean): Promise<void> {
    const file = join(this.#path, '.sessions', session)
    if (isNew) await mkdir(join(this.#path, '.sessions'), { recursive: true })
    if (isNew) await writeFile(file, '')
    else await utimes(file, new Date(), new Date())
  }

  async end(session: string): Promise<void> {
    await rm(join(this.#path, '.sessions', session), { force: true })
  }

  async #isAlive(session: string): Promise<boolean> {
    const file = await stat(join(this.#path, '.sessions', session)).catch(ignoreMissing)
    return file !== undefined && Date.now() - file.mtimeMs < this.#ttlMs
  }

  /** `undefined` when somebody else is at it; core then looks again. */
  async #locked<T>(lock: string, work: () => Promise<T>): Promise<T | undefined> {
    const age = await stat(lock).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    // Its owner has crashed.
    if (age > this.#ttlMs) await rm(lock, { force: true })
    const handle = await open(lock, 'wx').catch(() => undefined)
    if (handle === undefined) return undefined
    try {
      return await work()
    } finally {
      await handle.close()
      await rm(lock, { force: true })
    }
  }

  #directory(service: string): string {
    return join(this.#path, encodeURIComponent(service))
  }

  #file(service: string, address: string): string {
    return join(this.#directory(service), encodeURIComponent(address))
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
