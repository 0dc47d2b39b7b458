import type { Layout } from '@rpcx/core'
import type { ICompare, IRequestOp } from 'etcd3'
import type { EtcdClient } from './client.ts'

/** Creates missing directories without a lease, so that they outlive every server. Go clients need them to start while no server is up. */
export async function makeDirectories(
  client: EtcdClient,
  directories: ReturnType<Layout['directories']>,
): Promise<void> {
  for (const [path, value] of directories)
    await client.kv.txn({ compare: [isAt(path, undefined)], success: [put(path, value)] })
}

/** Returns a condition: the key was last written at this revision, or does not exist if `revision` is `undefined`. */
export function isAt(key: string, revision: bigint | undefined): ICompare {
  return { key: Buffer.from(key), target: 'Mod', result: 'Equal', mod_revision: String(revision ?? 0) }
}

export function put(key: string, value: string, lease = '0'): IRequestOp {
  return { request_put: { key: Buffer.from(key), value: Buffer.from(value), lease } }
}
