import { RpcxError } from '@rpcx/core'
import type { IEvent, IKeyValue, IRangeResponse, IResponseHeader, ITxnResponse, IWatchResponse } from 'etcd3'

/*
 * Checks of what etcd answers, before anything of it is used. A message of protobuf may lack any part, which the library then shows
 * as `null`, whatever its types say.
 */

/** The revision of an answer. @throws `ERR_RPCX_REGISTRY` when it has none */
export function revisionOf({ header }: { readonly header: IResponseHeader | null }): string {
  if (header === null || !INTEGER.test(header.revision)) throw broken('without a revision')
  return header.revision
}

/** The keys and values of each range of a transaction. @throws `ERR_RPCX_REGISTRY` when there are not `count` */
export function rangesIn({ responses }: ITxnResponse, count: number): readonly (readonly IKeyValue[])[] {
  if (responses.length !== count) throw broken(`with ${responses.length} of ${count} ranges`)
  return responses.map(response => keyValuesIn(response.response_range))
}

/** What happened. @throws `ERR_RPCX_REGISTRY` */
export function eventsIn({ events }: IWatchResponse): readonly IEvent[] {
  for (const { kv } of events as readonly { readonly kv: IKeyValue | null }[])
    if (kv === null) throw broken('with an event of no key')
  return events
}

/** A lease that was granted. @throws `ERR_RPCX_REGISTRY` when it is none */
export function leaseIn({ ID, TTL }: { readonly ID: string; readonly TTL: string }): {
  readonly id: string
  readonly ttlMs: number
} {
  const seconds = Number(TTL)
  // Beyond that, Node's timers would fire at once; below it, keep-alives would never end.
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
