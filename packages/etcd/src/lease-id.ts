import { randomBytes } from 'node:crypto'

/**
 * A lease that says that a server has it: its first half is `rpcx`. Tools that edit entries put them under a lease, too, one of
 * etcd's own choosing.
 */
export function newLeaseId(): string {
  return Buffer.concat([SERVER, randomBytes(4)])
    .readBigInt64BE()
    .toString()
}

/** Whether a server of ours has that lease. */
export function isServersLease(id: string): boolean {
  return BigInt(id) >> 32n === BigInt(SERVER.readInt32BE())
}

const SERVER = Buffer.from('rpcx')
