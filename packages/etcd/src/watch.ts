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
  // Our prefixes end in a slash, so the last byte can be counted up.
  end[end.length - 1] = (end[end.length - 1] as number) + 1
  return { key, range_end: end }
}

/**
 * Tells every change in some ranges after `revision`, over one gRPC stream. The library's own watcher is not used: it
 * reconnects by itself and then misses compactions and restored stores. Ends with `signal`; rejects at any sign of trouble.
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
  // By hand, since `AbortSignal.any` leaves something behind at the signal of the client, which outlives its watches.
  const both = [signal, client.failed.signal]
  let stop: () => void = () => {}
  try {
    await new Promise<void>((resolve, reject) => {
      stop = () => (signal.aborted ? resolve() : reject(new Error('the connection was given up')))
      for (const gone of both) gone.addEventListener('abort', stop, { once: true })
      stream.on('error', error => reject(castGrpcError(error)))
      stream.on('end', () => reject(new Error('etcd ended the watch')))
      stream.on('data', response => {
        if (response.canceled) {
          // Compacted: what happened since `revision` can no longer be told.
          const why = response.cancel_reason || `compacted at ${response.compact_revision}`
          reject(new RpcxError('ERR_RPCX_REGISTRY', `etcd cancelled the watch: ${why}`))
          return
        }
        try {
          for (const event of eventsIn(response)) changed(event)?.catch(reject)
        } catch (error) {
          // Thrown in an event, it would end the process.
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
