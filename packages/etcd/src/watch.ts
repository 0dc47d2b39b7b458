import { RpcxError } from '@rpcx/core'
import type { IEvent, IWatchCreateRequest } from 'etcd3'
import { castGrpcError } from 'etcd3'
import { eventsIn } from './answers.ts'
import type { EtcdClient } from './client.ts'
import { hangUp } from './connection.ts'

/** One key, or all keys that begin with a prefix. */
export type Range = Required<Pick<IWatchCreateRequest, 'key'>> & Pick<IWatchCreateRequest, 'range_end'>

export function keyRange(key: string): Range {
  return { key: Buffer.from(key) }
}

export function prefixRange(prefix: string): Range {
  const key = Buffer.from(prefix)
  const end = Buffer.from(prefix)
  // Every prefix of rpcx ends in a slash, so the last byte can be incremented.
  end[end.length - 1] = (end[end.length - 1] as number) + 1
  return { key, range_end: end }
}

/**
 * Reports every change in some ranges after `revision`, over one gRPC stream. Resolves when `signal` aborts; rejects at the first failure.
 * The library's own watcher is not used: it reconnects by itself and then misses compactions and restored data.
 */
export async function watchRanges(
  client: EtcdClient,
  ranges: readonly Range[],
  revision: string,
  changed: (event: IEvent) => Promise<void> | void,
  signal: AbortSignal,
): Promise<void> {
  // Revisions may exceed 2^53.
  const next = String(BigInt(revision) + 1n)
  const stream = await client.watchClient.watch()
  // `AbortSignal.any` would leave memory behind at the client's signal, which outlives the watches of this client.
  const both = [signal, client.failed.signal]
  let stop: () => void = () => {}
  try {
    await new Promise<void>((resolve, reject) => {
      stop = () => (signal.aborted ? resolve() : reject(client.failed.signal.reason))
      for (const gone of both) gone.addEventListener('abort', stop, { once: true })
      stream.on('error', error => reject(castGrpcError(error)))
      stream.on('end', () => reject(new Error('etcd ended the watch')))
      stream.on('data', response => {
        if (response.canceled) {
          // After a compaction, etcd can no longer report what changed since `revision`.
          const why = response.cancel_reason || `compacted at ${response.compact_revision}`
          reject(new RpcxError('ERR_RPCX_REGISTRY', `etcd cancelled the watch: ${why}`))
          return
        }
        try {
          for (const event of eventsIn(response)) changed(event)?.catch(reject)
        } catch (error) {
          // An error that is thrown inside an event handler ends the process.
          reject(error)
        }
      })
      if (both.some(({ aborted }) => aborted)) stop()
      else for (const range of ranges) stream.write({ create_request: { ...range, start_revision: next } })
    })
  } finally {
    for (const gone of both) gone.removeEventListener('abort', stop)
    hangUp(stream)
  }
}
