import { formatMetadata, parseMetadata } from '../metadata.ts'
import type { Metrics } from '../server/meters.ts'

/**
 * What is announced as the metadata of one service: what the program set, with what others changed in the registry laid
 * over it key by key until the program sets that key again, and the server's own figures.
 */
export class AnnouncedMetadata {
  #own: string
  /** Keys that others changed; `undefined` where they removed one. */
  readonly #edits = new Map<string, readonly string[] | undefined>()
  #figures = new Map<string, readonly string[]>()
  /** What was last there: the base that an edit is told from. */
  #base: string
  #audience: 'all' | 'metrics' = 'all'

  constructor(own: string) {
    this.#own = own
    this.#base = own
  }

  /** Who should notice when this is written: `metrics` when only the figures are new. */
  get audience(): 'all' | 'metrics' {
    return this.#audience
  }

  /** The program sets new metadata: its keys win over edits. */
  set(own: string): void {
    this.#own = own
    this.#audience = 'all'
    for (const key of parseMetadata(own).values.keys()) this.#edits.delete(key)
  }

  /** Someone else wrote `theirs`. */
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

  /** Takes new figures, in Go's format (`%.2f` of `RateMean`). */
  measure(metrics: Metrics): void {
    this.#figures = new Map([
      ['calls', [metrics.calls.rateMean().toFixed(2)]],
      ['connections', [metrics.connections.rateMean().toFixed(2)]],
    ])
  }

  /** We wrote this. */
  written(text: string): void {
    this.#base = text
    if (text === this.toString()) this.#audience = 'metrics'
  }

  /** What is to be written. Verbatim what the program set as long as nothing can be added to it. */
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
