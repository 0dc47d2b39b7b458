import type { Replica } from '@rpcx/core'
import { ChangeSignal } from './change-signal.ts'
import type { Connection } from './connection.ts'

/** Keeps `into` in step with the children of a directory until `signal` aborts. Rejects when the connection is lost. */
export async function followDirectory(
  connection: Connection,
  directory: string,
  into: Replica,
  signal: AbortSignal,
): Promise<void> {
  const view = new ServiceView(connection, directory)
  try {
    const { changed: all } = await view.look()
    // A reader that has unsubscribed must not receive the result.
    if (signal.aborted) return
    into.replace(all)
    while (await view.changes.wait(connection.down, signal)) {
      const { changed, gone } = await view.look()
      if (signal.aborted) return
      // Apply all changes in one turn, so that no reader sees a partial list.
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

/** The children of a directory as of the last `look`. */
class ServiceView {
  /** Set when another look is due. */
  readonly changes: ChangeSignal = new ChangeSignal()
  readonly #connection: Connection
  readonly #directory: string
  /** The known children, each with the function that removes its listener. */
  readonly #known = new Map<string, () => void>()
  /** The known children that have changed since they were read. */
  readonly #stale = new Set<string>()
  /** Whether `#known` contains all current children. */
  #isListed = false
  readonly #unlisten: () => void

  constructor(connection: Connection, directory: string) {
    this.#connection = connection
    this.#directory = directory
    this.#unlisten = connection.listen(directory, () => {
      this.#isListed = false
      this.changes.set()
    })
  }

  /** Reads everything that has changed since the last look. */
  async look(): Promise<Difference> {
    const changed = new Map<string, string>()
    const gone = new Set<string>()
    const read = async (child: string): Promise<void> => {
      const data = await this.#read(child)
      // The node was deleted after it was listed. The watch of the directory reports that too.
      if (data === undefined) gone.add(child)
      else changed.set(child, data)
    }
    const listing = this.#isListed ? undefined : this.#children()
    const [listed] = await Promise.all([listing, each([...this.#stale], read)])
    if (listed !== undefined) {
      for (const child of this.#known.keys()) {
        // A node that was created again meanwhile is already read.
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

  /** Waits for more changes of a large directory, because listing it costs the same for one change and for many. */
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

  /** Lists the directory; empty while it does not exist. */
  async #children(): Promise<ReadonlySet<string>> {
    this.#isListed = true
    for (;;) {
      const children = await this.#connection.children(this.#directory)
      if (children !== undefined) return new Set(children)
      // Only this watch reports its creation. It may have been created just now.
      if (!(await this.#connection.exists(this.#directory))) return new Set()
    }
  }

  async #read(child: string): Promise<string | undefined> {
    const path = `${this.#directory}/${child}`
    if (!this.#known.has(child)) {
      const changed = (): void => {
        this.#stale.add(child)
        this.changes.set()
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
 * Runs `work` for all items with limited concurrency, so that each request is answered in time. A request behind ten thousand others would
 * time out.
 */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, items.length) }, worker))
}

/** The size up to which a changed directory is listed again at once. */
const SMALL = 1_000
const MOST_AT_ONCE = 256
/** For a larger service, the server removes the other watches when they fire or when the session ends. */
const MOST_UNWATCHED = 1_000
