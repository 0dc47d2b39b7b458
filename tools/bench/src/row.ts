import { median } from './figures.ts'

/** A row of the table: the workload, and the figures of each contestant in each round. */
export interface Row {
  readonly work: string
  readonly unit: string
  /** The figures by name of the contestant, or of the two sides of a comparison. */
  readonly figures: Readonly<Record<string, readonly number[]>>
  readonly targets: readonly Target[]
}

/** The target for the ratio of `of` to `to`, which is the median of the ratios of all rounds. */
export interface Target {
  readonly of: string
  readonly to: string
  readonly atLeast?: number
  readonly atMost?: number
}

export function ratioOf({ figures }: Row, { of, to }: Target): number {
  const others = figures[to] ?? []
  return median((figures[of] ?? []).map((figure, round) => figure / (others[round] ?? Number.NaN)))
}

export function isMet(row: Row, target: Target): boolean {
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target
  const ratio = ratioOf(row, target)
  return ratio >= atLeast && ratio <= atMost
}
