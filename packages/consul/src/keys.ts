import type { Question } from './agent.ts'
import { itemsAt } from './shapes.ts'

/** A key as Consul returns it. */
export interface Item {
  readonly Key: string
  readonly Value: string | null
  /** A decimal string, because the number may exceed 2^53. */
  readonly Flags: string
  readonly ModifyIndex: number
  readonly Session?: string
}

/** Returns a request for one key, or with `recurse` for all keys that begin with it. @param reading more options of the library */
export function keys(key: string, reading: { readonly recurse?: boolean } = {}): Question<Item> {
  const get: Question<Item>['get'] = (consul, how) =>
    consul.kv.get({ ...reading, ...how, key }) as Promise<unknown> as Promise<Item | Item[] | undefined>
  return { what: key, shape: itemsAt(key, reading.recurse === true), get }
}
