import type { Clock, RegistrySession, Replica, Timer } from '@rpcx/core'
import { followNothing } from '@rpcx/core'
import type { Answer } from './agent.ts'
import { ConsulConnection } from './connection.ts'
import { EntryKey } from './entry-key.ts'
import type { Item } from './keys.ts'
import { keys } from './keys.ts'
import type { Settings } from './settings.ts'
import { isStorable } from './storable.ts'
import { watchAnswers } from './watch.ts'
import { WatchIndex } from './watch-index.ts'

/** A registry session in Consul's key-value store. It never ends by itself, because each key has its own Consul session. */
export class ConsulSession implements RegistrySession {
  readonly ttlMs: number
  readonly ended: Promise<Error> = new Promise(() => {})
  readonly #clock: Clock
  readonly #settings: Settings
  readonly #connection: ConsulConnection
  readonly #progress = new WatchIndex()
  readonly #keys = new Map<string, EntryKey>()
  readonly #renewing: Timer

  constructor(clock: Clock, settings: Settings) {
    this.#clock = clock
    this.ttlMs = settings.ttlMs
    this.#settings = settings
    this.#connection = new ConsulConnection(clock, settings)
    this.#renewing = clock
      .setInterval(() => {
        // While the connection is down, the watches already try to restore it.
        if (this.#connection.isUp) for (const key of this.#keys.values()) void key.renew()
      }, this.ttlMs / 3)
      .unref()
  }

  watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    const { layout, reading } = this.#settings
    const [key] = layout.prefixes(service)
    if (!isStorable(layout.directory(service))) return followNothing(into, signal)
    const list = { ...reading, recurse: true }
    const certain = keys(key, { ...list, ...CERTAIN })
    const saw = async (answer: Answer<Item>): Promise<void> => {
      const items = await this.#progress.of(key, answer, () => this.#connection.read(certain, signal))
      // Without read permission, Consul returns an empty list but rejects the read of a single key.
      if (items.length === 0) await this.#connection.read(keys(key, reading), signal)
      into.replace(items.map(({ Key, Value }) => [Key.slice(key.length), Value ?? '']))
    }
    return watchAnswers(this.#connection, keys(key, list), saw, signal)
  }

  readonly watchEntry: RegistrySession['watchEntry'] = (service, address, saw, signal) =>
    this.#key(service, address).watch(saw, signal)

  readonly write: RegistrySession['write'] = ({ service, address, metadata }, over, _audience, signal) =>
    this.#key(service, address).write(metadata, over, signal)

  readonly remove: RegistrySession['remove'] = (service, address, signal) =>
    this.#key(service, address).remove(signal)

  async close(signal: AbortSignal): Promise<void> {
    this.#clock.clear(this.#renewing)
    await Promise.allSettled([...this.#keys.values()].map(key => key.remove(signal)))
    this.#connection.close()
  }

  #key(service: string, address: string): EntryKey {
    const path = this.#settings.layout.leaf(service, address)
    const key = this.#keys.get(path) ?? new EntryKey(service, address, this.#connection, this.#settings)
    this.#keys.set(path, key)
    return key
  }
}

const CERTAIN = { consistent: true }
