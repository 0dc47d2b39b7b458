import type { Clock } from '@rpcx/core'

/**
 * Returns an id for the lease of a server. The first four bytes are `rpcx`. They distinguish it from the leases of tools that edit entries,
 * whose ids etcd chooses.
 */
export function newLeaseId(clock: Clock): string {
  return Buffer.concat([SERVER, Buffer.from(clock.uuid().slice(0, 8), 'hex')])
    .readBigInt64BE()
    .toString()
}

/** Returns whether the lease belongs to a server of rpcx for TypeScript. */
export function isServersLease(id: string): boolean {
  return BigInt(id) >> 32n === BigInt(SERVER.readInt32BE())
}

const SERVER = Buffer.from('rpcx')
