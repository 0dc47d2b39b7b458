import type { StoredEntry } from '@rpcx/core'
import type { Operation, Question } from './agent.ts'
import type { ConsulConnection } from './connection.ts'
import type { Instance } from './instance.ts'
import { definitionOf, formatHostPort, idOf, metadataOf, ownerOf } from './instance.ts'
import { inOrder, instances } from './instances.ts'
import type { CatalogSettings } from './settings.ts'
import { serviceMap } from './shapes.ts'
import { watchAnswers } from './watch.ts'

/**
 * One entry, registered as a service of the agent. The agent copies the service into the catalogue. This class watches the catalogue,
 * because discoveries read it. An agent has no compare-and-set: of two concurrent writes, the later one wins.
 */
export class CatalogEntry {
  readonly #service: string
  readonly #address: string
  readonly #id: string
  readonly #question: Question<Instance>
  readonly #connection: ConsulConnection
  readonly #settings: CatalogSettings
  readonly #owner: string
  #writes = 0
  /** Whether the catalogue may contain a registration to remove. */
  #isWritten = false
  /** Whether the current agent has the service. The check can pass only there. */
  #isAtAgent = false
  #isRenewing = false

  constructor(service: string, address: string, connection: ConsulConnection, settings: CatalogSettings) {
    this.#service = service
    this.#address = address
    this.#id = idOf(service, address)
    this.#question = instances(service, { filter: `Service.ID == "${this.#id}"` })
    this.#connection = connection
    this.#settings = settings
    this.#owner = connection.clock.uuid()
  }

  async watch(saw: (held?: StoredEntry) => void, signal: AbortSignal): Promise<void> {
    const writes = this.#writes
    const isAtAgent = await this.#isAgents(signal)
    if (signal.aborted) return
    if (writes === this.#writes) this.#isAtAgent = isAtAgent
    // After an outage, the check may be about to expire.
    void this.renew()
    const tell = ({ items }: { readonly items: readonly Instance[] }): void => saw(this.#held(items))
    return watchAnswers(this.#connection, this.#question, tell, signal, INTERVAL_MS)
  }

  async write(
    metadata: string,
    over: StoredEntry | undefined,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    const { items } = await this.#connection.read(this.#question, signal)
    if (this.#held(items)?.version !== over?.version) return undefined
    const owner = `${this.#owner}.${++this.#writes}`
    this.#isWritten = true
    await this.#register(metadata, owner, signal)
    this.#isAtAgent = true
    return this.#until(found => {
      const ours = found.find(instance => ownerOf(instance) === owner)
      return ours && BigInt(ours.Service.ModifyIndex)
    }, signal)
  }

  /** Reports the health of the server to its check. Ignores errors, because the watch sees them. */
  async renew(): Promise<void> {
    // One that waits for its turn does the work of the next ones.
    if (!this.#isAtAgent || this.#settings.check !== 'ttl' || this.#isRenewing) return
    this.#isRenewing = true
    const tell: Operation = (consul, common) => {
      const note = this.#settings.health()
      const check = { id: checkOf(this.#id), note }
      const { check: checks } = consul.agent
      return isServing(note) ? checks.pass({ ...check, ...common }) : checks.fail({ ...check, ...common })
    }
    await this.#connection.ask('tell a check', tell).catch(() => {})
    this.#isRenewing = false
  }

  async remove(signal: AbortSignal): Promise<void> {
    if (!this.#isWritten) return
    const { earlier, hosts } = this.#settings
    earlier.add(this.#owner)
    const deregister: Operation = (consul, common) =>
      consul.agent.service.deregister({ id: this.#id, ...common })
    if (await this.#isAgents(signal)) await this.#connection.ask(`deregister ${this.#id}`, deregister, signal)
    this.#isAtAgent = false
    if (hosts.length > 1) await this.#forget(signal)
    await this.#until(found => !found.some(instance => this.#isOurs(instance)) || undefined, signal)
    earlier.delete(this.#owner)
    this.#isWritten = false
  }

  async #register(metadata: string, owner: string, signal: AbortSignal): Promise<void> {
    const { check, ttlMs, deregisterAfterMs, health } = this.#settings
    const { more, ...definition } = definitionOf(
      { service: this.#service, address: this.#address, metadata },
      owner,
    )
    const every = `${ttlMs}ms`
    const tcp = formatHostPort(definition.address, definition.port)
    const how = check === 'ttl' ? { ttl: every } : { tcp, interval: every, timeout: every }
    const checked = {
      checkid: checkOf(this.#id),
      name: `rpcx ${this.#service}`,
      status: isServing(health()) ? 'passing' : 'critical',
      deregistercriticalserviceafter: `${deregisterAfterMs}ms`,
      ...how,
    }
    const register: Operation = (consul, common) => {
      Object.assign((common as { readonly ctx: object }).ctx, { more })
      return consul.agent.service.register({ ...definition, check: checked, ...common } as never)
    }
    await this.#connection.ask(`register ${this.#id}`, register, signal)
  }

  /** Removes registrations at agents that have failed since. */
  async #forget(signal: AbortSignal): Promise<void> {
    const { items } = await this.#connection.read(this.#question, signal)
    for (const { Node } of items.filter(instance => this.#isOurs(instance))) {
      const deregister: Operation = (consul, common) =>
        consul.catalog.deregister({ node: Node.Node, serviceid: this.#id, ...common } as never)
      await this.#connection.ask(`deregister ${this.#id} on ${Node.Node}`, deregister, signal)
    }
  }

  async #isAgents(signal: AbortSignal): Promise<boolean> {
    const list: Operation = (consul, common) =>
      consul.agent.service.list({ filter: `ID == "${this.#id}"`, ...common } as never)
    const found = await this.#connection.ask<Record<string, Instance['Service']>>(
      'list services',
      list,
      signal,
      serviceMap,
    )
    return Object.values(found ?? {}).some(Service => this.#isOurs({ Service }))
  }

  /** Returns the newest registration, in case several agents have one. */
  #held(found: readonly Instance[]): StoredEntry | undefined {
    const last = inOrder(this.#service, found).at(-1)
    if (last === undefined) return undefined
    const owner = ownerOf(last)
    const by = (): StoredEntry['by'] => {
      if (owner === undefined) return 'nobody'
      if (this.#isOurs(last)) return this.#isAtAgent ? 'us' : 'earlier'
      return this.#settings.earlier.has(owner.slice(0, this.#owner.length)) ? 'earlier' : 'other'
    }
    return { metadata: metadataOf(last), version: BigInt(last.Service.ModifyIndex), by: by() }
  }

  #isOurs(instance: Pick<Instance, 'Service'>): boolean {
    return ownerOf(instance)?.startsWith(this.#owner) === true
  }

  /** Waits until `isSo` returns a value for the catalogue. @throws the reason of `signal` */
  async #until<T>(isSo: (found: readonly Instance[]) => T | undefined, signal: AbortSignal): Promise<T> {
    const done = new AbortController()
    let result: T | undefined
    const saw = ({ items }: { readonly items: readonly Instance[] }): void => {
      result = isSo(inOrder(this.#service, items))
      if (result !== undefined) done.abort()
    }
    await watchAnswers(this.#connection, this.#question, saw, AbortSignal.any([signal, done.signal]))
    if (result === undefined) throw signal.reason
    return result
  }
}

function checkOf(id: string): string {
  return `service:${id}`
}

/** A registered server listens, even before `serve()` has settled. */
function isServing(health: string): boolean {
  return health === 'starting' || health === 'ready'
}

/** A change of one server wakes the watches of all servers of its service. */
const INTERVAL_MS = 1_000
