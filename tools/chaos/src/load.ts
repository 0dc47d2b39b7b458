/** The service of all servers. */
export const SERVICE = 'Chaos'

/** The arguments of a method. */
export interface Work {
  /** Unique among all calls of a run. */
  readonly id: string
  readonly workMs: number
  /** Makes the call longer. */
  readonly padding?: string
}

/** `once` may not run twice; `again` may. */
export interface ChaosService {
  once(work: Work): string
  again(work: Work): string
}
