import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { toError, watchRejection } from './callbacks.ts'
import { lazy } from './lazy.ts'
import { reasonOf } from './reason.ts'

/** The events of every object that calls functions of the program. */
export interface CallbackEvents {
  /**
   * A function of the program, such as a listener (`listener of ejected`), threw or returned a promise that was rejected. Or the details of
   * a `ServiceError` that a method threw cannot be sent (`ServiceError of Shop.buy`). The library continues. When this event has no
   * listener, the process emits a warning.
   */
  callbackFailed: { readonly callback: string; readonly error: Error }
}

/**
 * The events of one object, for what happens without a caller. Each event is also published on the `diagnostics_channel`
 * `rpcx:<owner>:<event>` and printed under `NODE_DEBUG=rpcx`.
 */
export class Events<Map extends object> {
  readonly #owner: string
  readonly #emitter = new EventEmitter()

  constructor(owner: string) {
    this.#owner = owner
    // A client may watch many services. Many listeners are therefore no leak.
    this.#emitter.setMaxListeners(0)
  }

  on<Name extends keyof Map & string>(event: Name, listener: (detail: Map[Name]) => void): void {
    this.#emitter.on(event, listener)
  }

  off<Name extends keyof Map & string>(event: Name, listener: (detail: Map[Name]) => void): void {
    this.#emitter.off(event, listener)
  }

  emit<Name extends keyof Map & string>(event: Name, detail: Map[Name]): void {
    this.#emit(event, detail)
  }

  /** Reports that a function of the program failed. @param callback the function: `rateLimit.by`, `listener of ejected` */
  callbackFailed(callback: string, thrown: unknown): void {
    const error = toError(thrown, callback)
    const isHeard = this.#emitter.listenerCount('callbackFailed') > 0
    // A failing listener of this event would otherwise be called again and again.
    if (isHeard && callback !== 'listener of callbackFailed')
      this.#emit('callbackFailed', { callback, error })
    else warn(this.#owner, callback, error)
  }

  #emit(event: string, detail: unknown): void {
    const name = `rpcx:${this.#owner}:${event}`
    if (debug.enabled) debug('%s', describe(name, detail))
    const published = channel(name)
    if (published.hasSubscribers) published.publish(detail)
    if (this.#emitter.listenerCount(event) === 0) return
    const failed = (error: unknown): void => this.callbackFailed(`listener of ${event}`, error)
    // A listener that throws must not keep the event from the others.
    for (const listener of this.#emitter.listeners(event)) {
      try {
        watchRejection((listener as (detail: unknown) => unknown)(detail), failed)
      } catch (thrown) {
        failed(thrown)
      }
    }
  }
}

/** The public members of `Events`. Private members would make the types of two copies of this package incompatible. */
export type PublicEvents<Map extends object> = Pick<Events<Map>, keyof Events<Map>>

const debug = lazy.util.debuglog('rpcx')

/** The time of the last warning about each function. A stranger who makes a function fail must not fill the log. */
const warnedAt = new Map<string, number>()

function warn(owner: string, callback: string, error: Error): void {
  const now = performance.now()
  const key = `${owner} ${callback}`
  if (now - (warnedAt.get(key) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY_MS) return
  warnedAt.set(key, now)
  const warning = new Error(`rpcx: ${callback} of a ${owner} failed: ${reasonOf(error)}`, { cause: error })
  warning.name = 'RpcxWarning'
  warning.stack = `${warning.name}: ${warning.message}\n${error.stack}`
  process.emitWarning(Object.assign(warning, { code: 'RPCX_CALLBACK' }))
}

const WARN_EVERY_MS = 1_000

function describe(name: string, detail: unknown): string {
  // Omits maps, which have no JSON. The `values` of an endpoint are also in its metadata.
  const json = (value: unknown): string =>
    JSON.stringify(value, (_key, part) => (part instanceof Map ? undefined : part))
  const fields = Object.entries(detail as object).map(([key, value]) =>
    lazy.util.format('%s=%s', key, value instanceof Error ? reasonOf(value) : json(value)),
  )
  return [name, ...fields].join(' ')
}
