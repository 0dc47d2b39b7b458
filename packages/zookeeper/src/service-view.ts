import type { Replica } from '@rpcx/core'
import { ChangeSignal } from './change-signal.ts'
import type { Connection } from './connection.ts'

/** Keeps `into` in step with the children of a directory, until `signal` aborts. Rejects when the connection is lost. */
export async function followDirectory(
  connection: Connection,
  directory: string,
  into: Replica,
  signal: AbortSignal,
): Promise<void> {
  const view = new ServiceView(connection, directory)
  try {
    const { changed: all } = await view.look()
    // Whoever follows no more must not hear of what was still being read.
    if (signal.aborted) return
    into.replace(all)
    while (await view.bell.heard(connection.down, signal)) {
      const { changed, gone } = await view.look()
      if (signal.aborted) return
      // Together, so that nobody sees the list in between.
      for (const address of gone) into.remove(address)
      for (const [address, metadata] of changed) into.put(address, metadata)
      await view.rest(signal)
    }
  } finally {
    view.close()
  }
}

interface Difference {
  readonly changed: ReadonlyMap<string, string>
  readonly gone: readonly string[]
}

/** What a directory held when it was last looked at. */
class ServiceView {
  /** Rings when another look is due. */
  readonly bell: ChangeSignal = new ChangeSignal()
  readonly #connection: Connection
  readonly #directory: string
  /** Those that were there, each with what stops listening to it. */
  readonly #known = new Map<string, () => void>()
  /** Those of them that have changed since they were read. */
  readonly #stale = new Set<string>()
  /** Whether they are all that there are. */
  #isListed = false
  readonly #unlisten: () => void

  constructor(connection: Connection, directory: string) {
    this.#connection = connection
    this.#directory = directory
    this.#unlisten = connection.listen(directory, () => {
      this.#isListed = false
      this.bell.ring()
    })
  }

  /** Reads what has changed since the last look, all that is known to have changed at once. */
  async look(): Promise<Difference> {
    const changed = new Map<string, string>()
    const gone = new Set<string>()
    const read = async (child: string): Promise<void> => {
      const data = await this.#read(child)
      // Deleted since it was listed; the watch of its directory has seen that.
      if (data === undefined) gone.add(child)
      else changed.set(child, data)
    }
    const listing = this.#isListed ? undefined : this.#children()
    const [listed] = await Promise.all([listing, each([...this.#stale], read)])
    if (listed !== undefined) {
      for (const child of this.#known.keys()) {
        // One that was made anew since is read already.
        if (!listed.has(child) && !changed.has(child)) gone.add(child)
      }
      await each(
        [...listed].filter(child => !this.#known.has(child)),
        read,
      )
    }
    for (const child of gone) this.#forget(child)
    return { changed, gone: [...gone] }
  }

  /** Listing a large directory costs the same for one change and for many, so there it waits for more of them. */
  async rest(signal: AbortSignal): Promise<void> {
    const { size } = this.#known
    if (size > SMALL) await this.#connection.clock.sleep(Math.min(size / 20, 1_000), signal)
  }

  close(): void {
    const children = [...this.#known.keys()]
    this.#unlisten()
    for (const child of children) this.#forget(child)
    const watched = [this.#directory, ...children.map(child => `${this.#directory}/${child}`)]
    this.#connection.unwatch(watched.slice(0, MOST_UNWATCHED))
  }

  /** Empty as long as there is no such directory. */
  async #children(): Promise<ReadonlySet<string>> {
    this.#isListed = true
    for (;;) {
      const children = await this.#connection.children(this.#directory)
      if (children !== undefined) return new Set(children)
      // Only this watch sees it come; it may have come just now.
      if (!(await this.#connection.exists(this.#directory))) return new Set()
    }
  }

  async #read(child: string): Promise<string | undefined> {
    const path = `${this.#directory}/${child}`
    if (!this.#known.has(child)) {
      const changed = (): void => {
        this.#stale.add(child)
        this.bell.ring()
      }
      this.#known.set(child, this.#connection.listen(path, changed))
    }
    this.#stale.delete(child)
    return (await this.#connection.read(path))?.data
  }

  #forget(child: string): void {
    this.#known.get(child)?.()
    this.#known.delete(child)
    this.#stale.delete(child)
  }
}

/**
 * Does the same for all items, for so many at once that each is answered in its time: a question that waits behind ten thousand
 * others would count as one that is not answered.
 */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, items.length) }, worker))
}

/** A directory that is listed again at once, whenever it changes. */
const SMALL = 1_000
const MOST_AT_ONCE = 256
/** Of a larger service, what is watched is forgotten by the server when it changes, or when the session ends. */
const MOST_UNWATCHED = 1_000
