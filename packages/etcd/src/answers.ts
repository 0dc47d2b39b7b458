import { RpcxError } from '@rpcx/core'
import type { IEvent, IKeyValue, IRangeResponse, IResponseHeader, ITxnResponse, IWatchResponse } from 'etcd3'

/*
 * These functions check the responses of etcd before use. A protobuf message may lack any part. The library then returns `null`,
 * although its types do not say so.
 */

/** Returns the revision of a response. @throws `ERR_RPCX_REGISTRY` when the response has none */
export function revisionOf({ header }: { readonly header: IResponseHeader | null }): string {
  if (header === null || !INTEGER.test(header.revision)) throw broken('without a revision')
  return header.revision
}

/** Returns the keys and values of each range of a transaction. @throws `ERR_RPCX_REGISTRY` unless there are `count` ranges */
export function rangesIn({ responses }: ITxnResponse, count: number): readonly (readonly IKeyValue[])[] {
  if (responses.length !== count) throw broken(`with ${responses.length} of ${count} ranges`)
  return responses.map(response => keyValuesIn(response.response_range))
}

/** Returns the events of a watch response. @throws `ERR_RPCX_REGISTRY` when an event has no key */
export function eventsIn({ events }: IWatchResponse): readonly IEvent[] {
  for (const { kv } of events as readonly { readonly kv: IKeyValue | null }[])
    if (kv === null) throw broken('with an event of no key')
  return events
}

/** Returns the id and the TTL of a granted lease. @throws `ERR_RPCX_REGISTRY` when the response describes no valid lease */
export function leaseIn({ ID, TTL }: { readonly ID: string; readonly TTL: string }): {
  readonly id: string
  readonly ttlMs: number
} {
  const seconds = Number(TTL)
  // A TTL above the limit overflows Node's timers, which then fire at once. A TTL below 1 s causes endless keep-alives.
  if (!INTEGER.test(ID) || ID === '0' || !(seconds >= 1 && seconds <= MOST_SECONDS))
    throw broken(`with the lease ${ID} of ${TTL} s`)
  return { id: ID, ttlMs: seconds * 1_000 }
}

function keyValuesIn(found: IRangeResponse | null | undefined): readonly IKeyValue[] {
  if (!found) throw broken('without a range')
  return found.kvs
}

function broken(what: string): RpcxError {
  return new RpcxError('ERR_RPCX_REGISTRY', `an answer ${what}; is that etcd?`)
}

const INTEGER = /^-?\d{1,20}$/
const MOST_SECONDS = 2_000_000
