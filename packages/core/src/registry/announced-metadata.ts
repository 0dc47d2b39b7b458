import { formatMetadata, parseMetadata } from '../metadata.ts'
import type { Metrics } from '../server/meters.ts'

/**
 * The metadata that a server publishes for one service: those that the program set, changes that others made in the registry, and the
 * server's own metrics. A change by others to a key stays until the program sets that key again.
 */
export class AnnouncedMetadata {
  #own: string
  /** The keys that others changed; `undefined` for keys that they removed. */
  readonly #edits = new Map<string, readonly string[] | undefined>()
  #figures = new Map<string, readonly string[]>()
  /** The last known metadata in the registry. A comparison with them shows what others changed. */
  #base: string
  #audience: 'all' | 'metrics' = 'all'

  constructor(own: string) {
    this.#own = own
    this.#base = own
  }

  /** Who should notice the next write: `metrics` when only the metrics have changed. */
  get audience(): 'all' | 'metrics' {
    return this.#audience
  }

  /** Sets the metadata of the program. Their keys take precedence over changes by others. */
  set(own: string): void {
    this.#own = own
    this.#audience = 'all'
    for (const key of parseMetadata(own).values.keys()) this.#edits.delete(key)
  }

  /** Takes over what changed in `theirs`, which someone else wrote. */
  edited(theirs: string): void {
    const before = parseMetadata(this.#base).values
    const after = parseMetadata(theirs).values
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      if (FIGURES.has(key) || isSame(before.get(key), after.get(key))) continue
      this.#edits.set(key, after.get(key))
    }
    this.#base = theirs
    this.#audience = 'all'
  }

  /** Sets new metrics, in Go's format (`%.2f` of `RateMean`). */
  measure(metrics: Metrics): void {
    this.#figures = new Map([
      ['calls', [metrics.calls.rateMean().toFixed(2)]],
      ['connections', [metrics.connections.rateMean().toFixed(2)]],
    ])
  }

  /** Records that this server wrote `text`. */
  written(text: string): void {
    this.#base = text
    if (text === this.toString()) this.#audience = 'metrics'
  }

  /** Returns the metadata to write. Returns the string of the program unchanged as long as nothing can be added to it. */
  toString(): string {
    if (this.#edits.size === 0 && this.#figures.size === 0) return this.#own
    const { values, valid } = parseMetadata(this.#own)
    if (!valid) return this.#edits.size === 0 ? this.#own : this.#base
    const merged = new Map(values)
    for (const [key, edit] of this.#edits) {
      if (edit === undefined) merged.delete(key)
      else merged.set(key, edit)
    }
    for (const [key, figure] of this.#figures) merged.set(key, figure)
    return formatMetadata(merged)
  }
}

const FIGURES = new Set(['calls', 'connections'])

function isSame(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return (
    a === b ||
    (a !== undefined && b !== undefined && a.length === b.length && a.every((value, i) => value === b[i]))
  )
}
