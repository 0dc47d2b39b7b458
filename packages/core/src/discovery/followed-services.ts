import type { Clock, Timer } from '../clock.ts'
import type { Endpoints, WaitOptions } from './discovery.ts'
import type { Feed } from './feed.ts'

/** A source that keeps the list of one service until it is stopped. */
export interface Followed {
  readonly feed: Feed
  /** Whether the list can be read again later. `false` while the registry is unreachable. */
  readonly mayStop: boolean
  stop(): void
}

/**
 * The services that a discovery watches, each from its first use until it was unused for a while. A gateway takes service names from
 * strangers, so the discovery must not keep a list for each name for ever.
 */
export class FollowedServices<T extends Followed> {
  readonly #clock: Clock
  readonly #follow: (service: string) => T
  readonly #idleMs: number
  readonly #uses = new Map<string, Use<T>>()
  /** The unused services, those that are unused for the longest time first. */
  readonly #idle = new Set<Use<T>>()
  #timer: Timer | undefined
  #isClosed = false

  /**
   * @param follow starts to watch a service
   * @param idle how long to watch an unused service; only tests change it
   */
  constructor(
    clock: Clock,
    follow: (service: string) => T,
    { idleMs = IDLE_MS }: { readonly idleMs?: number } = {},
  ) {
    this.#clock = clock
    this.#follow = follow
    this.#idleMs = idleMs
  }

  /** Returns the source of a service; `undefined` when the service is not watched. Sends no request. */
  get(service: string): T | undefined {
    return this.#uses.get(service)?.followed
  }

  async list(service: string, options?: WaitOptions): Promise<Endpoints> {
    const use = this.#join(service)
    try {
      return await use.followed.feed.list(options)
    } finally {
      this.#leave(use)
    }
  }

  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    // Starts to watch now, not only when the caller asks for the first list.
    this.#leave(this.#join(service))
    return this.#watch(service, options)
  }

  /** Stops all services. Later calls of `list` and `watch` end at once. */
  close(): void {
    this.#isClosed = true
    this.#clock.clear(this.#timer)
    for (const { followed } of this.#uses.values()) followed.stop()
    this.#uses.clear()
    this.#idle.clear()
  }

  async *#watch(service: string, options?: WaitOptions): AsyncGenerator<Endpoints, void, undefined> {
    const use = this.#join(service)
    try {
      yield* use.followed.feed.watch(options)
    } finally {
      this.#leave(use)
    }
  }

  #join(service: string): Use<T> {
    let use = this.#uses.get(service)
    if (use === undefined) {
      use = { service, followed: this.#follow(service), users: 0, idleSince: 0 }
      if (this.#isClosed) use.followed.stop()
      else this.#uses.set(service, use)
    }
    use.users++
    this.#idle.delete(use)
    return use
  }

  #leave(use: Use<T>): void {
    use.users--
    if (use.users > 0 || this.#isClosed) return
    use.idleSince = this.#clock.now()
    this.#idle.add(use)
    if (this.#idle.size > MOST_IDLE) this.#stopOldest()
    this.#timer ??= this.#sweepLater()
  }

  #stopOldest(): void {
    for (const use of this.#idle) {
      if (!mayStop(use)) continue
      this.#stop(use)
      return
    }
  }

  #sweepLater(): Timer {
    return this.#clock.setTimeout(() => this.#sweep(), this.#idleMs).unref()
  }

  #sweep(): void {
    const due = this.#clock.now() - this.#idleMs
    for (const use of this.#idle) {
      if (use.idleSince <= due && mayStop(use)) this.#stop(use)
    }
    this.#timer = this.#idle.size > 0 ? this.#sweepLater() : undefined
  }

  #stop(use: Use<T>): void {
    this.#idle.delete(use)
    this.#uses.delete(use.service)
    use.followed.stop()
  }
}

interface Use<T> {
  readonly service: string
  readonly followed: T
  users: number
  idleSince: number
}

/** Returns `false` when `mayStop` throws, because the `status` of a custom discovery may throw. */
function mayStop({ followed }: { readonly followed: Followed }): boolean {
  try {
    return followed.mayStop
  } catch {
    return false
  }
}

const IDLE_MS = 60_000
/** The maximum number of unused services. Beyond it, the service that is unused for the longest time is stopped early. */
const MOST_IDLE = 256
