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

/** Who hears what becomes of a service's servers. */
export interface ReplicaOwner {
  /** All changes of one tick at once; where the list is large, of a longer while. */
  published(endpoints: Endpoints): void
  added(endpoint: Endpoint): void
  changed(endpoint: Endpoint, before: Endpoint): void
  removed(endpoint: Endpoint): void
  /** The registry holds something that is no server. Told once per address, of `MOST_IGNORED` at most. */
  ignored(address: string, error: Error): void
  /** Its metadata are no query string: it is listed, without values. Told once for each text. */
  unreadable(endpoint: Endpoint): void
}

/** The list of one service: raw entries in, endpoints out. */
export class ServiceReplica implements Replica {
  readonly #owner: ReplicaOwner
  readonly #rules: EntryRules
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #ignored = new Set<string>()
  readonly #list = new OrderedList()
  readonly #pacer: Pacer
  /** Lists as they came, and changes that came behind one that takes longer. */
  readonly #work: Slices
  /** Whether the list is to be published once it is whole. */
  #isOwed = false
  #isListed = false
  /** What all endpoints take in memory, in bytes. */
  #weight = 0

  /** @param rules by which entries are listed or left out */
  constructor(clock: Clock, owner: ReplicaOwner, rules: EntryRules = new EntryRules(undefined)) {
    this.#owner = owner
    this.#rules = rules
    this.#pacer = new Pacer(clock, () => this.#publish())
    this.#work = new Slices(clock, () => this.#worked())
  }

  replace(all: Iterable<readonly [address: string, metadata: string]>): void {
    // Read now, since it may not be the same later.
    this.#work.add(this.#replacing([...all]))
  }

  put(address: string, metadata: string): void {
    this.#do(() => this.#put(address, metadata))
  }

  remove(address: string): void {
    this.#do(() => this.#remove(address))
  }

  ignore(address: string, error: Error): void {
    // An address of a megabyte is neither kept nor handed on.
    const shown = address.slice(0, MOST_SHOWN)
    if (this.#ignored.has(shown) || this.#ignored.size >= MOST_IGNORED) return
    this.#ignored.add(shown)
    this.#owner.ignored(shown, error)
  }

  /** Tells nothing any more. */
  stop(): void {
    this.#work.stop()
    this.#pacer.stop()
  }

  *#replacing(all: readonly (readonly [address: string, metadata: string])[]): Generator<undefined> {
    const seen = new Set<string>()
    // Nobody is told of a list that says what the one before said, except of the first.
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

  /** @throws `ERR_RPCX_ADDRESS` when it is not to be listed */
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

  /** Now, or after what has come before. @param change returns whether anything has changed */
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
    // Nobody is shown a list that is half the old one and half the new.
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

/** Of how many addresses it is told and remembered that they are ignored. */
const MOST_IGNORED = 1_000
const MOST_SHOWN = 512
// Room for some 300 000 servers.
const MOST_WEIGHT = 512 * 2 ** 20
