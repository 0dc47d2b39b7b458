import type { Clock } from '@rpcx/core'

/**
 * A lease that says that a server has it: its first half is `rpcx`. Tools that edit entries put them under a lease, too, one of
 * etcd's own choosing.
 */
export function newLeaseId(clock: Clock): string {
  return Buffer.concat([SERVER, Buffer.from(clock.uuid().slice(0, 8), 'hex')])
    .readBigInt64BE()
    .toString()
}

/** Whether a server of ours has that lease. */
export function isServersLease(id: string): boolean {
  return BigInt(id) >> 32n === BigInt(SERVER.readInt32BE())
}

const SERVER = Buffer.from('rpcx')
