import type { Endpoints } from '../../discovery/discovery.ts'
import type { RpcxErrorCode } from '../../errors.ts'
import { isRpcxError, RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import type { Call, CallOwner } from '../call/call.ts'
import { PendingQueue } from '../call/pending-queue.ts'
import type { FailPolicy } from '../policy/fail-policy.ts'
import type { Selector } from '../select/selector.ts'
import type { EndpointHandle } from './endpoint-handle.ts'
import type { EndpointSetOptions } from './endpoint-set.ts'
import { EndpointSet } from './endpoint-set.ts'
import { RetryBudget } from './retry-budget.ts'
import { RetryQueue } from './retry-queue.ts'
import type { ClientSnapshot } from './snapshot.ts'

export interface DispatcherOptions extends EndpointSetOptions {
  readonly failPolicy: FailPolicy
  readonly retries: number
  /** The maximum load that retries add, as a fraction of the recent calls. Retries of calls that no server received do not count. */
  readonly retryBudget: number
  /** The maximum number of pending calls per server. */
  readonly maxCallsPerServer: number
  /** Chooses when some candidates are excluded. It is separate, because `selector` would lose its position in the whole list. */
  readonly fallbackSelector: Selector
  readonly waitForReady: boolean
  /** Called when a new list has been applied. */
  listed(): void
}

/** Sends each call to a server of the newest list, and decides what follows when that fails. */
export class Dispatcher implements CallOwner {
  readonly #options: DispatcherOptions
  readonly endpoints: EndpointSet
  readonly #budget: RetryBudget
  /** Calls that wait for the first list, or for a server in an empty list. */
  readonly #waiting = new PendingQueue()
  readonly #retries: RetryQueue
  /** Why no list will come any more. */
  #ended: RpcxError | undefined

  constructor(options: DispatcherOptions) {
    const { clock, events, methodCodec, retryBudget } = options
    const { service } = methodCodec
    this.#options = options
    this.endpoints = new EndpointSet(options, this, () => this.#listed())
    this.#retries = new RetryQueue(clock, call => this.#route(call))
    this.#budget = new RetryBudget(clock, retryBudget, () => events.emit('budgetSpent', { service }))
  }

  /** Yields every call that has not ended. */
  *calls(): Generator<Call> {
    yield* this.#waiting
    yield* this.#retries
    yield* this.endpoints.calls()
  }

  start(call: Call): void {
    // A hedged copy starts with the attempts of its original and does not count as a call.
    if (call.attempts === 0) this.#budget.calls++
    if (call.isPinned) this.#sendPinned(call)
    else this.#route(call)
  }

  /** Whether calls have to wait for the first list, or, with `waitForReady`, for a server in it. */
  get hasToWait(): boolean {
    const { handles, hasList } = this.endpoints
    return !hasList || (handles.length === 0 && this.#options.waitForReady)
  }

  /** Returns whether a copy of a call may be sent to another server, and charges it to the retry budget. */
  mayHedge(call: Call): boolean {
    return call.server !== undefined && this.endpoints.candidates.length > 1 && this.#budget.take()
  }

  snapshot(): ClientSnapshot {
    const waiting = this.#waiting.size + [...this.#retries].length
    return { service: this.#options.methodCodec.service, endpoints: this.endpoints.snapshot(), waiting }
  }

  update(endpoints: Endpoints): void {
    this.endpoints.update(endpoints)
  }

  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void {
    call.missed(error, mayHaveRun)
    if (!this.#mayRepeat(call, error, mayHaveRun)) {
      call.fail(this.#failure(call, error))
      return
    }
    const { events, methodCodec } = this.#options
    const { service } = methodCodec
    const { method, attempts } = call
    const endpoint = call.server?.endpoint.address ?? ''
    events.emit('retried', { service, method, endpoint, error, attempts })
    // The first retry is sent at once. With no candidates, a retry needs no delay, because it waits for the end of a back-off anyway.
    if (attempts > 1 && this.endpoints.candidates.length > 0) this.#retries.add(call)
    else this.#route(call)
  }

  returned(call: Call): void {
    call.attempts--
    if (call.isPinned) this.#sendPinned(call)
    else this.#route(call)
  }

  /** Fails the calls that wait for a list, now and later: there will be none. */
  noMoreLists(why: RpcxError): void {
    this.endpoints.finish()
    this.#ended = why
    for (const call of this.#waiting.release()) this.#route(call)
  }

  close(): void {
    this.endpoints.close()
  }

  /** Sends the waiting calls when there is a new list. */
  #listed(): void {
    for (const call of this.#waiting.release()) this.#route(call)
    this.#options.listed()
  }

  #route(call: Call): void {
    const { candidates } = this.endpoints
    if (candidates.length === 0) {
      this.#routeAnyway(call)
      return
    }
    const handle = this.#choose(call, candidates)
    if (handle === undefined) return
    call.attempts++
    call.server = handle
    handle.send(call, false)
  }

  /** Sends a pinned call to its server. Fails the call if the server left the list, or is ejected and not connected. */
  #sendPinned(call: Call): void {
    const { server } = call
    const handle = this.endpoints.handles.find(other => other === server)
    if (handle === undefined) {
      const text = `${server?.endpoint.address} is no longer in the list`
      this.#reject(call, 'ERR_RPCX_UNAVAILABLE', text, call.lastError)
    } else if (!handle.isConnected && handle.isOut) {
      const text = `${handle.endpoint.address} is in back-off: ${whyOut(handle)}`
      this.#reject(call, 'ERR_RPCX_UNAVAILABLE', text, handle.lastError)
    } else {
      call.attempts++
      handle.send(call, true)
    }
  }

  /** Routes a call when there are no candidates: queues it, fails it, or sends it to an ejected server. */
  #routeAnyway(call: Call): void {
    const { failPolicy } = this.#options
    const { handles } = this.endpoints
    if (this.hasToWait) {
      if (this.#ended === undefined) this.#waiting.add(call)
      else this.#reject(call, this.#ended.code, reasonOf(this.#ended), this.#ended.cause)
      return
    }
    if (handles.length === 0) {
      this.#reject(call, 'ERR_RPCX_NO_ENDPOINT', this.endpoints.whyEmpty, call.lastError)
      return
    }
    const first = earliest(handles)
    // A slow server is not ejected: the call may wait for it.
    if (!failPolicy.repeats && first.isOut) {
      const text = `all servers are in back-off: ${whyOut(first)}`
      this.#reject(call, 'ERR_RPCX_UNAVAILABLE', text, first.lastError)
      return
    }
    const handle = this.#again(call) ?? first
    call.server = handle
    call.attempts++
    // The first attempt is urgent: it does not wait for the end of the back-off.
    handle.send(call, call.attempts === 1)
  }

  #choose(call: Call, candidates: readonly EndpointHandle[]): EndpointHandle | undefined {
    const { selector, fallbackSelector, maxCallsPerServer } = this.#options
    try {
      let handle: EndpointHandle | undefined
      if (call.server === undefined) {
        handle = selector.pick(candidates, call) as EndpointHandle | undefined
      } else {
        const again = this.#again(call)
        if (again !== undefined) return again
        handle = fallbackSelector.pick(others(call, candidates), call) as EndpointHandle | undefined
      }
      if (maxCallsPerServer !== Number.POSITIVE_INFINITY && handle !== undefined) {
        if (handle.inFlight >= maxCallsPerServer) handle = this.#lessBusy(call, candidates)
        if (handle === undefined) return undefined
      }
      if (handle !== undefined) return handle
    } catch (error) {
      const text = `the selector failed: ${reasonOf(error)}`
      this.#reject(call, 'ERR_RPCX_SELECTOR', text, error)
      return undefined
    }
    const text = `the selector chose none of ${candidates.length} servers`
    this.#reject(call, 'ERR_RPCX_NO_ENDPOINT', text, call.lastError)
    return undefined
  }

  /** Returns the server that the fail policy wants for the next attempt; `undefined` if it leaves the choice to the selector. */
  #again(call: Call): EndpointHandle | undefined {
    if (call.server === undefined) return undefined
    return this.#options.failPolicy.next?.(call, this.endpoints.handles) as EndpointHandle | undefined
  }

  #lessBusy(call: Call, candidates: readonly EndpointHandle[]): EndpointHandle | undefined {
    const { fallbackSelector, maxCallsPerServer } = this.#options
    const free = candidates.filter(({ inFlight }) => inFlight < maxCallsPerServer)
    const handle =
      free.length === 0 ? undefined : (fallbackSelector.pick(free, call) as EndpointHandle | undefined)
    if (handle === undefined) {
      const text = `${maxCallsPerServer} calls wait for each server that may be chosen`
      this.#reject(call, 'ERR_RPCX_UNAVAILABLE', text, call.lastError)
    }
    return handle
  }

  #mayRepeat(call: Call, error: RpcxError, mayHaveRun: boolean): boolean {
    const { failPolicy, retries } = this.#options
    if (!failPolicy.repeats || call.isPinned || call.attempts > retries) return false
    if (call.mayHaveRunAt !== undefined && !call.isIdempotent) return false
    if (failPolicy.mayRepeat?.(call, error) === false) return false
    // Retries of calls that no server received add no load, so the budget does not limit them.
    if (!mayHaveRun && error.code !== 'ERR_RPCX_NOT_EXECUTED') return true
    // A call that one server declined may always go to another available server.
    return this.#budget.take(
      !mayHaveRun && failPolicy.next === undefined && this.endpoints.candidates.length > 0,
    )
  }

  #failure(call: Call, error: RpcxError): RpcxError {
    const attempts = call.attempts === 1 ? '1 attempt' : `${call.attempts} attempts`
    return this.#error(call, error.code, `failed after ${attempts}: ${reasonOf(error)}`, error)
  }

  #reject(call: Call, code: RpcxErrorCode, text: string, cause: unknown): void {
    call.fail(this.#error(call, code, text, cause))
  }

  /** Returns the final error of a call. If a failed attempt may have run, that is `ERR_RPCX_OUTCOME_UNKNOWN`, whatever failed last. */
  #error(call: Call, code: RpcxErrorCode, text: string, cause: unknown): RpcxError {
    const { name, mayHaveRunAt, failures: attempts = [] } = call
    const metadata = isRpcxError(cause) ? cause.metadata : {}
    if (mayHaveRunAt === undefined)
      return new RpcxError(code, `${name}: ${text}`, { cause, metadata, attempts })
    const attempt = attempts.find(({ endpoint }) => endpoint === mayHaveRunAt)
    const why = attempt === undefined ? 'it was closed' : reasonOf(attempt.error)
    const unknown = `${name}: may have run on ${mayHaveRunAt}, whose connection was lost before it replied: ${why}`
    return new RpcxError('ERR_RPCX_OUTCOME_UNKNOWN', unknown, { cause, metadata, attempts })
  }
}

function whyOut({ lastError }: EndpointHandle): string {
  return lastError === undefined ? 'its connection was lost' : reasonOf(lastError)
}

function earliest(handles: readonly EndpointHandle[]): EndpointHandle {
  return handles.reduce((first, handle) => {
    if (handle.isOut !== first.isOut) return first.isOut ? handle : first
    return handle.dueAt < first.dueAt ? handle : first
  })
}

/** Returns the servers that were not tried yet; without any, all except the newest one; without any, all. */
function others(call: Call, candidates: readonly EndpointHandle[]): readonly EndpointHandle[] {
  const fresh = candidates.filter(handle => handle !== call.server && !call.wasAt(handle))
  if (fresh.length > 0) return fresh
  const rest = candidates.filter(handle => handle !== call.server)
  return rest.length > 0 ? rest : candidates
}
