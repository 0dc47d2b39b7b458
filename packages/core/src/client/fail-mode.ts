import { checkChoice } from '../options.ts'

/**
 * What follows a failed attempt, if repeating it is safe: `failfast` nothing, `failtry` the same server again, `failover`
 * another one. `failbackup` is `failover`, and an idempotent call that takes long is sent to a second server as well.
 */
export type FailMode = 'failfast' | 'failtry' | 'failover' | 'failbackup'

/** @throws TypeError on an unknown mode */
export function checkFailMode(mode: FailMode): FailMode {
  return checkChoice('XClient', 'failMode', mode, ['failfast', 'failtry', 'failover', 'failbackup'])
}
