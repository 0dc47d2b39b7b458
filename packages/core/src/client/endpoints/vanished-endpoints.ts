import type { Clock, Timer } from '../../clock.ts'
import type { EndpointHandle } from './endpoint-handle.ts'
import { LargestList } from './largest-list.ts'

/** What the newest list means for servers that have vanished from the list. */
export interface Loss {
  /** The size of the largest list within the last `holdMs`. */
  readonly from: number
  /** The servers that are held from now on. */
  readonly held: readonly EndpointHandle[]
  /** The servers to release now. */
  readonly retired: readonly EndpointHandle[]
  /** Whether this list is the first that shows that most of the servers vanished. */
  readonly isNew: boolean
}

/**
 * Servers that vanished from the list. Each vanished server is kept for `holdMs`: its connection stays open, but it gets no calls. When
 * most of the list vanishes within `holdMs`, in one update or in many, all kept servers are held: they get calls again. Such a loss is
 * more often a fault of the registry than of the servers, but the first updates do not show it. That is why every vanished server is kept.
 */
export class VanishedEndpoints implements Iterable<EndpointHandle> {
  readonly #clock: Clock
  readonly #holdMs: number
  readonly #over: (handles: readonly EndpointHandle[]) => void
  readonly #largest: LargestList
  /** All vanished servers, held or not, in the order in which they vanished. They are released in the same order. */
  readonly #kept = new Map<EndpointHandle, Vanished>()
  /** The vanished servers that still get calls. */
  readonly #held = new Set<EndpointHandle>()
  /** The size of the newest list. */
  #listed = 0
  #isLoss = false
  #timer: Timer | undefined

  /** @param over called with the servers that were kept for `holdMs` and are to be released */
  constructor(clock: Clock, holdMs: number, over: (handles: readonly EndpointHandle[]) => void) {
    this.#clock = clock
    this.#holdMs = holdMs
    this.#over = over
    this.#largest = new LargestList(clock, holdMs)
  }

  /** The number of held servers. */
  get size(): number {
    return this.#held.size
  }

  /** Records a list of `size` servers. @param vanished the servers that were in the previous list and are not in this one */
  listed(size: number, vanished: readonly EndpointHandle[]): Loss {
    // The loss that was reported last may be over by now.
    this.#isLoss &&= this.#isMostLost
    this.#largest.replace(size)
    this.#listed = size
    const from = this.#largest.size
    if (this.#holdMs === 0 || from < FEWEST) return { from, held: [], retired: vanished, isNew: false }
    const until = this.#clock.now() + this.#holdMs
    for (const handle of vanished) this.#kept.set(handle, { until, wasConnected: handle.isConnected })
    const held = this.#isMostLost ? this.#holdAll() : []
    this.#arm()
    const isNew = held.length > 0 && !this.#isLoss
    this.#isLoss ||= isNew
    return { from, held, retired: [], isNew }
  }

  /** Returns whether a server is held. */
  has(handle: EndpointHandle): boolean {
    return this.#held.has(handle)
  }

  /** The vanished servers that are kept, held or not. */
  get kept(): ReadonlyMap<EndpointHandle, unknown> {
    return this.#kept
  }

  /** Returns whether a vanished server is really gone: it lost its connection, or it is not available. */
  isLost(handle: EndpointHandle): boolean {
    const vanished = this.#kept.get(handle)
    if (vanished === undefined) return false
    if (handle.isConnected) {
      vanished.wasConnected = true
      return false
    }
    return vanished.wasConnected || !handle.isAvailable
  }

  drop(handle: EndpointHandle): void {
    this.#kept.delete(handle)
    this.#held.delete(handle)
  }

  close(): void {
    this.#clock.clear(this.#timer)
    this.#kept.clear()
    this.#held.clear()
  }

  /** Iterates over the held servers. */
  [Symbol.iterator](): Iterator<EndpointHandle> {
    return this.#held.values()
  }

  get #isMostLost(): boolean {
    const { size } = this.#largest
    return size >= FEWEST && this.#listed < size / 2
  }

  #holdAll(): EndpointHandle[] {
    const held: EndpointHandle[] = []
    for (const handle of this.#kept.keys()) {
      if (this.#held.has(handle)) continue
      this.#held.add(handle)
      held.push(handle)
      handle.channel.verify()
    }
    return held
  }

  #arm(): void {
    this.#clock.clear(this.#timer)
    for (const { until } of this.#kept.values()) {
      const ms = Math.max(until - this.#clock.now(), 0) + 1
      this.#timer = this.#clock.setTimeout(() => this.#expire(), ms).unref()
      return
    }
  }

  #expire(): void {
    const now = this.#clock.now()
    const over: EndpointHandle[] = []
    for (const [handle, { until }] of this.#kept) {
      if (until > now) break
      over.push(handle)
      if (over.length === MOST_AT_ONCE) break
    }
    this.#over(over)
    this.#arm()
  }
}

interface Vanished {
  /** The time by the clock when the server is released. */
  readonly until: number
  wasConnected: boolean
}

/** The minimum size of a list to detect a loss. In a smaller list, a loss looks the same as a restart. */
const FEWEST = 3
/** The maximum number of servers to release at once, so that the event loop is not blocked for long. */
const MOST_AT_ONCE = 1_000
