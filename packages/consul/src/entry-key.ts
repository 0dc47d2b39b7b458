import type { StoredEntry } from '@rpcx/core'
import type { Answer, Operation } from './agent.ts'
import type { ConsulConnection } from './connection.ts'
import { isTooMuch, refusal } from './failure.ts'
import type { Item } from './keys.ts'
import { keys } from './keys.ts'
import type { Settings } from './settings.ts'
import { madeSession, transactionResults } from './shapes.ts'
import { watchAnswers } from './watch.ts'

/** The key of one entry, the Consul session that locks it, and the keys of its directories. */
export class EntryKey {
  readonly #name: string
  readonly #key: string
  readonly #directories: readonly (readonly [key: string, value: string])[]
  readonly #connection: ConsulConnection
  readonly #settings: Settings
  #session: string | undefined
  #isOverdue = false
  #isRenewing = false
  #renewalFailed: (error: unknown) => void = () => {}

  constructor(service: string, address: string, connection: ConsulConnection, settings: Settings) {
    this.#name = `rpcx ${service} at ${address}`
    this.#key = settings.layout.leaf(service, address)
    this.#directories = settings.layout.directories(service)
    this.#connection = connection
    this.#settings = settings
  }

  async watch(saw: (held?: StoredEntry) => void, signal: AbortSignal): Promise<void> {
    const tell = ({ items: [item] }: Answer<Item>): void => saw(item && this.#held(item))
    const failing = new AbortController()
    this.#renewalFailed = error => failing.abort(error)
    if (this.#isOverdue) void this.renew()
    await watchAnswers(this.#connection, keys(this.#key), tell, AbortSignal.any([signal, failing.signal]))
    if (!signal.aborted) failing.signal.throwIfAborted()
  }

  async write(
    metadata: string,
    over: StoredEntry | undefined,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    if (over?.by !== 'us') await this.#makeDirectories(signal)
    const steps = await this.#instead(over, signal)
    if (steps === undefined) return undefined
    const Value = Buffer.from(metadata).toString('base64')
    for (;;) {
      const isNew = this.#session === undefined
      this.#session ??= await this.#makeSession(signal)
      const lock = { Verb: 'lock', Key: this.#key, Session: this.#session, Value, Flags: FLAGS }
      const done = await this.#transact([...steps, lock], signal)
      if (typeof done === 'bigint') return done
      if (isNew || !done.includes('invalid session')) return undefined
      // Consul has ended the session and deleted the key.
      this.#session = undefined
    }
  }

  /**
   * Renews the session for a full TTL. Ignores most errors, because the watch of the key sees them. When Consul rejects only this request
   * as one too many, ends the watch; its next attempt renews again.
   */
  async renew(): Promise<void> {
    const id = this.#session
    // One that waits for its turn does the work of the next ones.
    if (id === undefined || this.#isRenewing) return
    this.#isRenewing = true
    const renew: Operation = (consul, common) => consul.session.renew({ id, ...common })
    try {
      await this.#connection.ask('renew a session', renew)
      this.#isOverdue = false
    } catch (error) {
      this.#isOverdue = isTooMuch(error)
      if (this.#isOverdue) this.#renewalFailed(error)
    } finally {
      this.#isRenewing = false
    }
  }

  /** Ends the session. Consul then deletes the key, unless another session holds it by now. */
  async remove(signal: AbortSignal): Promise<void> {
    const id = this.#session
    if (id === undefined) return
    this.#settings.earlier.add(id)
    await this.#connection.ask(
      'end a session',
      (consul, common) => consul.session.destroy({ id, ...common }),
      signal,
    )
    this.#settings.earlier.delete(id)
    this.#session = undefined
  }

  #held({ Value, ModifyIndex, Session, Flags }: Item): StoredEntry {
    const by = (): StoredEntry['by'] => {
      if (Session === undefined) return 'nobody'
      // If the flags were not ours, a Go server on this address would fail to lock the key, and the entry would stay for ever.
      if (Session === this.#session) return Flags === FLAGS ? 'us' : 'nobody'
      return this.#settings.earlier.has(Session) ? 'earlier' : 'other'
    }
    return { metadata: Value ?? '', version: BigInt(ModifyIndex), by: by() }
  }

  /**
   * Returns the steps that fail unless exactly `over` is stored, and that unlock the key. Returns `undefined` when `over` is not stored.
   */
  async #instead(over: StoredEntry | undefined, signal: AbortSignal): Promise<readonly object[] | undefined> {
    const Key = this.#key
    if (over === undefined) return [{ Verb: 'check-not-exists', Key }]
    const { items } = await this.#connection.read(keys(Key), signal)
    const [item] = items
    if (item === undefined || BigInt(item.ModifyIndex) !== over.version) return undefined
    const check = { Verb: 'check-index', Key, Index: item.ModifyIndex }
    // Unlock even our own lock: writing the same value again would change nothing, and the index would stay.
    const unlock = { Verb: 'unlock', Key, Session: item.Session, Flags: FLAGS }
    return item.Session === undefined ? [check] : [check, unlock]
  }

  /** Resolves to the index of the transaction, or to Consul's error message when the transaction was not applied. */
  async #transact(steps: readonly object[], signal: AbortSignal): Promise<bigint | string> {
    const operations = steps.map(step => ({ KV: step })) as never
    const transact: Operation = (consul, common) => consul.transaction.create(operations, common as never)
    const done = this.#connection.ask<{ Results: { KV: Item }[] }>(
      `write ${this.#key}`,
      transact,
      signal,
      transactionResults,
    )
    return done.then(found => BigInt(found?.Results.at(-1)?.KV.ModifyIndex ?? 0), refusal)
  }

  async #makeSession(signal: AbortSignal): Promise<string> {
    const { ttlMs, nodeChecks } = this.#settings
    // By default, Consul blocks the key for 15 s after its session ends.
    const life = { name: this.#name, ttl: `${ttlMs}ms`, behavior: 'delete', lockdelay: '1ms' } as const
    const checks = nodeChecks ? {} : { checks: [] }
    const create: Operation = (consul, common) => consul.session.create({ ...life, ...checks, ...common })
    const made = await this.#connection.ask<{ ID: string }>('make a session', create, signal, madeSession)
    return made?.ID as string
  }

  /** Creates missing directories without a session, so that they outlive every server. */
  async #makeDirectories(signal: AbortSignal): Promise<void> {
    for (const [key, value] of this.#directories) {
      const { items } = await this.#connection.read(keys(key), signal)
      if (items.length > 0) continue
      const put: Operation = (consul, common) =>
        consul.kv.set({ key, value, flags: FLAGS as unknown as number, cas: 0, ...common })
      await this.#connection.ask(`make ${key}`, put, signal)
    }
  }
}

/** Go's `api.LockFlagValue`. On a key with other flags, Go's lock fails, and its entry stays for ever. */
const FLAGS = '3304740253564472344'
