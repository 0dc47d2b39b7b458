import type { Clock, Timer } from '../../clock.ts'
import type { EndpointHandle } from './endpoint-handle.ts'
import { LargestList } from './largest-list.ts'

/** What the newest list means for servers that are no longer in it. */
export interface Loss {
  /** How many the largest list of late had. */
  readonly from: number
  /** Servers that are held from now on. */
  readonly held: readonly EndpointHandle[]
  /** Servers to let go of now. */
  readonly retired: readonly EndpointHandle[]
  /** Whether this list is the first to show that most of the servers are lost. */
  readonly isNew: boolean
}

/**
 * Servers that vanished from the list. When most of the list vanishes within `holdMs`, in one update or in many, that is a
 * fault of the registry more often than of the servers, so they are held: calls still go there. Nobody knows that when the first
 * of them vanish, so each server keeps its connection for that time, without getting calls.
 */
export class VanishedEndpoints implements Iterable<EndpointHandle> {
  readonly #clock: Clock
  readonly #holdMs: number
  readonly #over: (handles: readonly EndpointHandle[]) => void
  readonly #largest: LargestList
  /** In the order in which they vanished, which is that in which they are given up. */
  readonly #kept = new Map<EndpointHandle, Vanished>()
  readonly #held = new Set<EndpointHandle>()
  /** How many the newest list has. */
  #listed = 0
  #isLoss = false
  #timer: Timer | undefined

  /** @param over these have been kept for long enough */
  constructor(clock: Clock, holdMs: number, over: (handles: readonly EndpointHandle[]) => void) {
    this.#clock = clock
    this.#holdMs = holdMs
    this.#over = over
    this.#largest = new LargestList(clock, holdMs)
  }

  /** How many are held. */
  get size(): number {
    return this.#held.size
  }

  /** Takes over a list of `size` servers, from which these have vanished since the one before. */
  listed(size: number, vanished: readonly EndpointHandle[]): Loss {
    // The loss that was told of may be over by now.
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

  /** Whether it is held. */
  has(handle: EndpointHandle): boolean {
    return this.#held.has(handle)
  }

  /** Those that vanished and are kept, held or not. */
  get kept(): ReadonlyMap<EndpointHandle, unknown> {
    return this.#kept
  }

  /** Whether it has shown that it is gone: it was connected and is no longer, or cannot be reached. */
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

  /** Those that are held. */
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
      this.#timer = this.#clock.setTimeout(() => this.#expire(), ms)
      this.#timer.unref()
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
  /** When it is given up, by the clock. */
  readonly until: number
  wasConnected: boolean
}

/** In a list of fewer, nobody can tell a loss from a restart. */
const FEWEST = 3
/** How many are given up in one go, so that nobody waits for that. */
const MOST_AT_ONCE = 1_000
