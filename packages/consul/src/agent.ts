import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { RegistryHost } from '@rpcx/core'
import type Consul from 'consul'
import type { LibraryError } from './failure.ts'
import { notConsuls } from './failure.ts'
import { openLibrary } from './library.ts'
import type { Access } from './settings.ts'
import type { Shape } from './shapes.ts'
import { Sockets } from './sockets.ts'

/** A read request, which may also wait for a change. */
export interface Question<T> {
  /** The name of the request in errors. */
  readonly what: string
  /** The expected shape of the response, unless the response is empty. */
  readonly shape: Shape
  /** Calls the library with `how` among its options. Resolves to one or several `T`, or to nothing, and the response. */
  get(consul: Consul, how: object): Promise<T | readonly T[] | undefined>
}

/** The current items, and the index after which to wait for the next change. */
export type Answer<T> = { readonly items: readonly T[]; readonly index: bigint }

/** A call of the library, with the options that all operations share. */
export type Operation = (consul: Consul, common: object) => Promise<unknown>

/** One Consul agent. */
export class Agent {
  /** Settles when the agent has answered or failed once. All operations wait for it, so a lost agent gets only one connection at a time. */
  readonly ready: Promise<unknown>
  readonly #consul: Consul
  readonly #sockets: Sockets
  readonly #cancels = new Set<() => void>()
  #why: Error | undefined
  #isClosed = false

  constructor(at: RegistryHost, access: Access) {
    this.#sockets = Sockets.take(at, access)
    this.#consul = openLibrary(at, this.#sockets.http, access)
    this.ready = this.ask((consul, common) => consul.status.leader(common as never))
    this.ready.catch(() => {})
  }

  /** Runs one operation of the library that does not block, when it is its turn. */
  ask<T>(operation: Operation, signal?: AbortSignal, shape?: Shape): Promise<Response<T>> {
    return this.#sockets.requests.run(() => this.#send(operation, signal, shape))
  }

  /** Reads the current items. With `index`, waits at most `waitMs` for a change after it. */
  async read<T>(question: Question<T>, signal: AbortSignal, index = 0n, waitMs = 0): Promise<Answer<T>> {
    const blocking = index === 0n ? {} : { index: String(index), wait: `${Math.round(waitMs)}ms` }
    // Consul adds up to a sixteenth to the wait time.
    const timeoutMs = CALL_MS + waitMs * (1 + 1 / 16)
    const get: Operation = (consul, common) => question.get(consul, { ...blocking, ...common })
    const answer =
      index === 0n
        ? this.ask<T | T[]>(get, signal, question.shape)
        : this.#send<T | T[]>(get, signal, question.shape, timeoutMs)
    const [response, found = []] = await answer
    const next = String(response.headers['x-consul-index'])
    // The library takes any 404, and any response that is not a list, for a missing key.
    if (/^\d{1,20}$/.test(next)) return { items: [found].flat() as T[], index: BigInt(next) }
    throw notConsuls(response.statusCode)
  }

  /** The failure that closed this agent; `undefined` when it was closed on purpose. */
  get why(): Error | undefined {
    return this.#why
  }

  /**
   * Cancels all operations in progress.
   * @param why why the agent failed, for operations that see only the cancellation
   */
  close(why?: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#why = why
    for (const cancel of this.#cancels) cancel()
    this.#sockets.release(why !== undefined)
  }

  /** The library takes an event instead of an `AbortSignal`, and has no timeout unless each call sets one. */
  async #send<T>(
    operation: Operation,
    signal?: AbortSignal,
    shape?: Shape,
    timeout: number = CALL_MS,
  ): Promise<Response<T>> {
    // The operation may have waited for its turn until now.
    if (this.#isClosed || signal?.aborted) throw this.#why ?? canceled()
    const ctx = Object.assign(new EventEmitter(), { includeResponse: true, shape })
    const cancel = (): void => void ctx.emit('cancel')
    this.#cancels.add(cancel)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return (await operation(this.#consul, { ctx, timeout })) as Response<T>
    } finally {
      this.#cancels.delete(cancel)
      signal?.removeEventListener('abort', cancel)
    }
  }
}

/** Returns the error with which the library rejects a canceled request. */
function canceled(): LibraryError {
  return Object.assign(new Error('canceled'), { isAbort: true })
}

type Response<T> = [response: IncomingMessage, body: T | undefined]

const CALL_MS = 3_000
