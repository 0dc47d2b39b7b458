import { quote } from '../address.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { parseMetadata } from '../metadata.ts'
import { Slices } from '../slices.ts'
import type { Endpoint, Endpoints } from './discovery.ts'
import type { Replica } from './driver.ts'
import { EntryRules, weightOf } from './entry-rules.ts'
import { OrderedList } from './ordered-list.ts'
import { Pacer } from './pacer.ts'

/** The listener for the list of a service and its changes. */
export interface ReplicaOwner {
  /** Gets a new list, with all changes of one tick, or of a longer period when the list is large. */
  published(endpoints: Endpoints): void
  added(endpoint: Endpoint): void
  changed(endpoint: Endpoint, before: Endpoint): void
  removed(endpoint: Endpoint): void
  /** Gets an entry that is not a valid server. Called once per address, for at most `MOST_IGNORED` addresses. */
  ignored(address: string, error: Error): void
  /** Gets a server whose metadata are not a valid query string. It is listed without values. Called once for each such string. */
  unreadable(endpoint: Endpoint): void
}

/** The list of one service, which turns raw entries into endpoints. */
export class ServiceReplica implements Replica {
  readonly #owner: ReplicaOwner
  readonly #rules: EntryRules
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #ignored = new Set<string>()
  readonly #list = new OrderedList()
  readonly #pacer: Pacer
  /** New lists that are still being processed, and the changes that arrived after them. */
  readonly #work: Slices
  /** Whether to publish the list when the pending work is done. */
  #isOwed = false
  #isListed = false
  /** The estimated memory of all endpoints, in bytes. */
  #weight = 0

  /** @param rules the rules that decide which entries are listed */
  constructor(clock: Clock, owner: ReplicaOwner, rules: EntryRules = new EntryRules(undefined)) {
    this.#owner = owner
    this.#rules = rules
    this.#pacer = new Pacer(clock, () => this.#publish())
    this.#work = new Slices(clock, () => this.#worked())
  }

  replace(all: Iterable<readonly [address: string, metadata: string]>): void {
    // Copies the entries now, because the caller may change them later.
    this.#work.add(this.#replacing([...all]))
  }

  put(address: string, metadata: string): void {
    this.#do(() => this.#put(address, metadata))
  }

  remove(address: string): void {
    this.#do(() => this.#remove(address))
  }

  ignore(address: string, error: Error): void {
    // Shortens the address, so that nobody has to store one of a megabyte.
    const shown = address.slice(0, MOST_SHOWN)
    if (this.#ignored.has(shown) || this.#ignored.size >= MOST_IGNORED) return
    this.#ignored.add(shown)
    this.#owner.ignored(shown, error)
  }

  /** Stops all work. The owner gets no further calls. */
  stop(): void {
    this.#work.stop()
    this.#pacer.stop()
  }

  *#replacing(all: readonly (readonly [address: string, metadata: string])[]): Generator<undefined> {
    const seen = new Set<string>()
    // Does not publish a list that equals the previous one, except the first list.
    let isNew = !this.#isListed
    for (const [address, metadata] of all) {
      seen.add(address)
      if (this.#put(address, metadata)) isNew = true
      yield
    }
    for (const address of this.#endpoints.keys()) {
      if (!seen.has(address) && this.#remove(address)) isNew = true
      yield
    }
    this.#isListed = true
    if (isNew) this.#changed()
  }

  #put(address: string, metadata: string): boolean {
    const before = this.#endpoints.get(address)
    if (before?.metadata === metadata) return false
    let endpoint: Endpoint
    try {
      endpoint = this.#read(address, metadata, before)
    } catch (error) {
      this.ignore(address, error as Error)
      return this.#remove(address)
    }
    this.#endpoints.set(address, endpoint)
    this.#list.put(endpoint)
    if (endpoint.values.size === 0 && !parseMetadata(metadata).valid) this.#owner.unreadable(endpoint)
    if (before === undefined) this.#owner.added(endpoint)
    else this.#owner.changed(endpoint, before)
    return true
  }

  /** @throws `ERR_RPCX_ADDRESS` when the entry must not be listed */
  #read(address: string, metadata: string, before: Endpoint | undefined): Endpoint {
    const endpoint = this.#rules.read(address, metadata)
    const weight = this.#weight + weightOf(endpoint) - (before === undefined ? 0 : weightOf(before))
    if (weight > MOST_WEIGHT) {
      const text = `address: ${quote(address)} is not listed: the list of this service takes ${MOST_WEIGHT} bytes of memory`
      throw new RpcxError('ERR_RPCX_ADDRESS', `${text} already; is the registry flooded?`)
    }
    this.#weight = weight
    return endpoint
  }

  #remove(address: string): boolean {
    const endpoint = this.#endpoints.get(address)
    if (endpoint === undefined) return false
    this.#endpoints.delete(address)
    this.#weight -= weightOf(endpoint)
    this.#list.remove(address)
    this.#owner.removed(endpoint)
    return true
  }

  /** Applies a change now, or after the pending work. @param change returns whether anything has changed */
  #do(change: () => boolean): void {
    const step = (): void => {
      if (change()) this.#changed()
    }
    if (this.#work.isBusy) this.#work.add(once(step))
    else step()
  }

  #changed(): void {
    this.#pacer.changed(this.#endpoints.size)
  }

  #publish(): void {
    // A list must not be a mix of the old and the new one.
    if (this.#work.isBusy) this.#isOwed = true
    else this.#owner.published(this.#list.current())
  }

  #worked(): void {
    if (!this.#isOwed) return
    this.#isOwed = false
    this.#changed()
  }
}

/** A job of one step. */
function* once(step: () => void): Generator<void> {
  yield step()
}

/** The maximum number of ignored addresses that are remembered and reported. */
const MOST_IGNORED = 1_000
const MOST_SHOWN = 512
// Room for some 300 000 servers.
const MOST_WEIGHT = 512 * 2 ** 20
