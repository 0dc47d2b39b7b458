import type { Endpoints } from '../discovery/discovery.ts'
import { RpcxError } from '../errors.ts'
import type { Call, Holder } from './call.ts'
import type { FailMode } from './fail-mode.ts'
import type { NodeOptions, NodeOwner } from './node.ts'
import { Node } from './node.ts'
import { filterByStateAndGroup } from './select/filter.ts'
import type { Selector } from './select/selector.ts'

export interface DispatcherOptions extends NodeOptions {
  readonly failMode: FailMode
  readonly retries: number
  readonly selector: Selector
  /** Chooses among the rest. A selector of its own: one that counts would lose its place in the whole list. */
  readonly detours: Selector
  readonly group: string | undefined
  readonly waitForReady: boolean
}

/** Sends each call to a server, over the newest list, and decides what follows when that fails. */
export class Dispatcher implements NodeOwner, Holder {
  readonly #options: DispatcherOptions
  readonly #byAddress = new Map<string, Node>()
  /** The servers that may be called, in address order; `undefined` before the first list. */
  #nodes: readonly Node[] | undefined
  /** Calls that wait for the first list, or for the first server. */
  readonly #waiting = new Set<Call>()
  /** Servers that left the list, until their last call has ended. */
  readonly #leaving = new Set<Node>()

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Every call that has not ended. */
  *calls(): Generator<Call> {
    yield* this.#waiting
    for (const node of this.#byAddress.values()) yield* node.calls()
    for (const node of this.#leaving) yield* node.calls()
  }

  get hasList(): boolean {
    return this.#nodes !== undefined
  }

  start(call: Call): void {
    const nodes = this.#nodes
    if (nodes === undefined || (nodes.length === 0 && this.#options.waitForReady)) {
      call.holder = this
      this.#waiting.add(call)
    } else if (nodes.length === 0) {
      call.fail(
        new RpcxError('ERR_RPCX_NO_ENDPOINT', `${this.#name(call)}: the list of servers is empty`, {
          cause: call.lastError,
        }),
      )
    } else {
      this.#attempt(call, nodes)
    }
  }

  forget(call: Call): void {
    this.#waiting.delete(call)
  }

  /** Takes over a new list: connections to servers that stay are kept, the others close when their calls have ended. */
  update(endpoints: Endpoints): void {
    const chosen = filterByStateAndGroup(endpoints, this.#options.group)
    const addresses = new Set(chosen.map(endpoint => endpoint.address))
    const gone = [...this.#byAddress.values()].filter(node => !addresses.has(node.endpoint.address))
    for (const node of gone) this.#byAddress.delete(node.endpoint.address)
    this.#nodes = chosen.map(endpoint => this.#nodeFor(endpoint))
    // Only now, so that the calls that waited there find the new list.
    for (const node of gone) this.#retire(node)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const call of waiting) {
      call.holder = undefined
      this.start(call)
    }
  }

  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void {
    call.lastError = error
    if (mayHaveRun && !call.isIdempotent) {
      const text = `${this.#name(call)}: may have run on ${call.node?.endpoint.address}, whose connection was lost before it replied`
      call.fail(new RpcxError('ERR_RPCX_OUTCOME_UNKNOWN', text, { cause: error }))
    } else if (this.#options.failMode === 'failfast' || call.attempts > this.#options.retries) {
      call.fail(this.#exhausted(call, error))
    } else {
      this.start(call)
    }
  }

  returned(call: Call): void {
    call.attempts--
    this.start(call)
  }

  maxBackoffMs(): number {
    return this.#byAddress.size > 1 ? MAX_BACKOFF_MS : MAX_BACKOFF_ALONE_MS
  }

  async close(): Promise<void> {
    const nodes = [...this.#byAddress.values(), ...this.#leaving]
    this.#byAddress.clear()
    this.#nodes = []
    await Promise.all(nodes.map(node => node.close()))
  }

  #retire(node: Node): void {
    this.#leaving.add(node)
    void node.retire().then(() => this.#leaving.delete(node))
  }

  #nodeFor(endpoint: Endpoints[number]): Node {
    const known = this.#byAddress.get(endpoint.address)
    if (known !== undefined) {
      known.endpoint = endpoint
      return known
    }
    const node = new Node(endpoint, this.#options, this)
    this.#byAddress.set(endpoint.address, node)
    return node
  }

  #attempt(call: Call, nodes: readonly Node[]): void {
    const before = call.node
    const node =
      this.#options.failMode === 'failtry' && before !== undefined && nodes.includes(before)
        ? before
        : this.#pick(call, nodes)
    const isFirst = call.attempts === 0
    if (node === undefined && this.#options.failMode === 'failfast') {
      const cause = earliest(nodes).lastError
      const text = `${this.#name(call)}: all servers are in back-off: ${cause?.message}`
      call.fail(new RpcxError('ERR_RPCX_UNAVAILABLE', text, { cause }))
      return
    }
    call.attempts++
    call.node = node ?? earliest(nodes)
    call.node.send(call, node === undefined && isFirst)
  }

  /** A server that is not known to be in trouble, and not the one that just failed if there is another. */
  #pick(call: Call, nodes: readonly Node[]): Node | undefined {
    const { selector, detours } = this.#options
    if (call.node === undefined) {
      const node = selector.pick(nodes)
      if (node.isAvailable) return node
    }
    const available = nodes.filter(candidate => candidate.isAvailable)
    const others = available.filter(candidate => candidate !== call.node)
    if (others.length > 0) return detours.pick(others)
    return available[0]
  }

  #exhausted(call: Call, error: RpcxError): RpcxError {
    const attempts = call.attempts === 1 ? '1 attempt' : `${call.attempts} attempts`
    const text = `${this.#name(call)}: failed after ${attempts}: ${error.message}`
    return new RpcxError(error.code, text, { cause: error })
  }

  #name(call: Call): string {
    return `${this.#options.service}.${call.method}`
  }
}

const MAX_BACKOFF_MS = 5_000
// With no other server to go to, finding the only one again soon is worth more than sparing it.
const MAX_BACKOFF_ALONE_MS = 1_000

function earliest(nodes: readonly Node[]): Node {
  return nodes.reduce((first, node) => (node.dueAt < first.dueAt ? node : first))
}
