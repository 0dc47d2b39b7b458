import { checkChoice } from '../options.ts'

/**
 * What follows a failed attempt, if repeating it is safe: `failfast` nothing, `failtry` the same server again,
 * `failover` another one.
 */
export type FailMode = 'failfast' | 'failtry' | 'failover'

/** @throws TypeError on an unknown mode */
export function checkFailMode(mode: FailMode): FailMode {
  return checkChoice('XClient', 'failMode', mode, ['failfast', 'failtry', 'failover'])
}
