import { checkChoice } from '../../options.ts'
import { customPolicy } from './custom-policy.ts'
import type { FailPolicy } from './fail-policy.ts'
import type { BackupAfter } from './failbackup.ts'
import { failbackup } from './failbackup.ts'
import { failfast } from './failfast.ts'
import { failover } from './failover.ts'
import { failtry } from './failtry.ts'

/**
 * What the client does after a failed attempt, if repeating the call is safe. `failfast` fails the call, `failtry` repeats it on the same
 * server, `failover` on another one. `failbackup` works as `failover`, and also sends a slow idempotent call to a second server.
 */
export type FailMode = 'failfast' | 'failtry' | 'failover' | 'failbackup'

/**
 * Returns the policy of a mode.
 * @param failed called when a policy of the user throws or returns an invalid value
 * @throws TypeError or RangeError that names the option
 */
export function failPolicyOf(
  mode: FailMode | FailPolicy,
  backupAfter: BackupAfter | undefined,
  failed: (callback: string, thrown: unknown) => void,
): FailPolicy {
  if (backupAfter !== undefined && mode !== 'failbackup')
    throw new TypeError('XClient: backupAfter works only with failMode failbackup')
  if (typeof mode === 'object' && typeof mode?.repeats === 'boolean') return customPolicy(mode, failed)
  const policies: Record<FailMode, () => FailPolicy> = {
    failfast,
    failtry,
    failover,
    failbackup: () => failbackup(backupAfter),
  }
  const name = checkChoice('XClient', 'failMode', mode as FailMode, Object.keys(policies) as FailMode[])
  return policies[name]()
}
