import type { Clock, Timer } from '../clock.ts'
import type { Endpoints, WaitOptions } from './discovery.ts'
import type { Feed } from './feed.ts'

/** Something that keeps the list of one service until it is stopped. */
export interface Followed {
  readonly feed: Feed
  /** Whether a list that is read anew would be as good: not while the registry is out of reach. */
  readonly mayStop: boolean
  stop(): void
}

/**
 * The services that a discovery follows, each from the first time that somebody asks for it until nobody has for a while: who
 * takes names from strangers, as a gateway does, must not keep something for each of them for ever.
 */
export class FollowedServices<T extends Followed> {
  readonly #clock: Clock
  readonly #follow: (service: string) => T
  readonly #idleMs: number
  readonly #uses = new Map<string, Use<T>>()
  /** Those that nobody uses, the one that is idle for the longest time first. */
  readonly #idle = new Set<Use<T>>()
  #timer: Timer | undefined
  #isClosed = false

  /**
   * @param follow begins to follow a service
   * @param idle how long a service is followed that nobody asks for; another than the default is for tests
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

  /** What follows the service now; asks for nothing. */
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
    // It is followed from now on, and not only when the first list is asked for.
    this.#leave(this.#join(service))
    return this.#watch(service, options)
  }

  /** Stops all; what is asked for later ends at once. */
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
    const timer = this.#clock.setTimeout(() => this.#sweep(), this.#idleMs)
    timer.unref()
    return timer
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

/** A discovery of the program's own, which is asked for its status, may throw: then nobody knows, and it stays. */
function mayStop({ followed }: { readonly followed: Followed }): boolean {
  try {
    return followed.mayStop
  } catch {
    return false
  }
}

const IDLE_MS = 60_000
/** Of how many that nobody uses, those idle for the longest time go sooner. */
const MOST_IDLE = 256
