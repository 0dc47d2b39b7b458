import type { IKeyValue } from 'etcd3'
import { rangesIn, revisionOf } from './answers.ts'
import type { EtcdClient } from './client.ts'
import type { Range } from './watch.ts'

/** An entry and its directories at one revision. */
export interface EntryAndDirectories {
  readonly revision: string
  readonly kv: IKeyValue | undefined
  readonly found: readonly (IKeyValue | undefined)[]
}

/** Reads an entry and its directories in one transaction. @param ranges the key of the entry, then the keys of its directories */
export async function readEntry(client: EtcdClient, ranges: readonly Range[]): Promise<EntryAndDirectories> {
  const answer = await client.kv.txn({ success: ranges.map(range => ({ request_range: range })) })
  const [kv, ...found] = rangesIn(answer, ranges.length).map(([first]) => first)
  return { revision: revisionOf(answer), kv, found }
}
