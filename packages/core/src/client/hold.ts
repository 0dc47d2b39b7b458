import type { Node } from './node.ts'

/**
 * Servers that vanished with most of the list in one update. That is a fault of the registry more often than of the servers, so
 * they are kept for a while.
 */
export class Hold implements Iterable<Node> {
  readonly #holdMs: number
  readonly #over: (nodes: readonly Node[]) => void
  readonly #held = new Map<Node, Held>()
  #timer: NodeJS.Timeout | undefined

  /** @param over these have been held for long enough */
  constructor(holdMs: number, over: (nodes: readonly Node[]) => void) {
    this.#holdMs = holdMs
    this.#over = over
  }

  get size(): number {
    return this.#held.size
  }

  /** Those of the vanished that are held: with most of the list, or still. */
  take(vanished: readonly Node[], isShrinking: boolean): ReadonlySet<Node> {
    const until = performance.now() + this.#holdMs
    for (const node of vanished) {
      if (!isShrinking || this.#holdMs === 0 || this.#held.has(node)) continue
      this.#held.set(node, { until, wasConnected: node.isConnected })
      node.link.verify()
    }
    this.#arm()
    return new Set(vanished.filter(node => this.#held.has(node)))
  }

  has(node: Node): boolean {
    return this.#held.has(node)
  }

  /** Whether it has shown that it is gone: it was connected and is no longer, or cannot be reached. */
  isLost(node: Node): boolean {
    const held = this.#held.get(node)
    if (held === undefined || node.isConnected) return false
    return held.wasConnected || !node.isAvailable
  }

  drop(node: Node): void {
    this.#held.delete(node)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#held.clear()
  }

  [Symbol.iterator](): Iterator<Node> {
    return this.#held.keys()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#held.size === 0) return
    const ms = Math.min(...[...this.#held.values()].map(({ until }) => until)) - performance.now()
    this.#timer = setTimeout(() => this.#expire(), Math.max(ms, 0) + 1).unref()
  }

  #expire(): void {
    const now = performance.now()
    this.#over([...this.#held].filter(([, { until }]) => until <= now).map(([node]) => node))
    this.#arm()
  }
}

interface Held {
  /** When it is given up, by `performance.now()`. */
  readonly until: number
  readonly wasConnected: boolean
}
