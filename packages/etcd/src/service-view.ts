import type { Replica } from '@rpcx/core'
import type { IEvent, IKeyValue } from 'etcd3'

/** The servers of one service out of the keys of both spellings of its base path; where both have one, ours wins. */
export class ServiceView {
  readonly prefixes: readonly string[]
  readonly #into: Replica
  /** What each spelling holds, in the order of `prefixes`. */
  readonly #held: readonly Map<string, string>[]

  constructor(prefixes: readonly string[], into: Replica) {
    this.prefixes = prefixes
    this.#into = into
    this.#held = prefixes.map(() => new Map<string, string>())
  }

  replace(keys: readonly IKeyValue[]): void {
    for (const { key, value } of keys) {
      const [spelling, address] = this.#locate(key)
      this.#held[spelling]?.set(address, value.toString())
    }
    this.#into.replace(new Map([...this.#held].reverse().flatMap(held => [...held])))
  }

  change({ type, kv }: IEvent): void {
    const [spelling, address] = this.#locate(kv.key)
    if (type === 'Put') this.#held[spelling]?.set(address, kv.value.toString())
    else this.#held[spelling]?.delete(address)
    const metadata = this.#held.map(held => held.get(address)).find(text => text !== undefined)
    if (metadata === undefined) this.#into.remove(address)
    else this.#into.put(address, metadata)
  }

  #locate(key: Buffer): [spelling: number, address: string] {
    const text = key.toString()
    const spelling = this.prefixes.findIndex(prefix => text.startsWith(prefix))
    return [spelling, text.slice(this.prefixes[spelling]?.length)]
  }
}
