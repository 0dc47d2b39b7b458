import type { CallContext } from '../call/call-context.ts'
import type { ServerConnection } from '../call/server-connection.ts'
import { decidedNow, toError, watchRejection } from '../callbacks.ts'
import { isRpcxError, RpcxError } from '../errors.ts'
import type { PublicEvents } from '../events.ts'
import { isServiceError } from '../service-error.ts'
import type { ServerEvents, ServerHooks } from './plugin.ts'
import type { Method } from './services.ts'

/** The hooks of all plugins around one call or frame. Holds only plugins that have such hooks, so the others cost nothing per call. */
export class CallHooks {
  readonly #plugins: readonly ServerHooks[]
  readonly #events: PublicEvents<ServerEvents>

  /** Returns the call hooks of these plugins; `undefined` when no plugin has any. */
  static of(plugins: readonly ServerHooks[], events: PublicEvents<ServerEvents>): CallHooks | undefined {
    const concerned = plugins.filter(plugin => CALL_HOOKS.some(hook => plugin[hook] !== undefined))
    return concerned.length === 0 ? undefined : new CallHooks(concerned, events)
  }

  private constructor(plugins: readonly ServerHooks[], events: PublicEvents<ServerEvents>) {
    this.#plugins = plugins
    this.#events = events
  }

  /** Returns whether the connection may stay open. */
  beforeRead(connection: ServerConnection): boolean {
    try {
      for (const plugin of this.#plugins) decidedNow('beforeRead', plugin.beforeRead?.(connection))
      return true
    } catch (thrown) {
      this.#failed('beforeRead', thrown)
      return false
    }
  }

  /** @throws RpcxError or ServiceError with which the call is refused */
  afterRead(call: CallContext): void {
    this.#ask('afterRead', plugin => plugin.afterRead?.(call))
  }

  /** @throws RpcxError or ServiceError with which the call is refused */
  beforeCall(call: CallContext, args: unknown): void {
    this.#ask('beforeCall', plugin => plugin.beforeCall?.(call, args))
  }

  /** Calls the method through all `around` hooks and returns the outermost result. */
  around(call: CallContext, args: unknown, method: Method): unknown {
    const innermost = (changed: unknown): unknown => method.call(changed, call)
    return this.#plugins.reduceRight<(args: unknown) => unknown>((next, plugin) => {
      if (plugin.around === undefined) return next
      return changed =>
        plugin.around?.(call, changed, again => {
          const result = (async () => next(again))()
          // A plugin may ignore this promise.
          result.catch(() => {})
          return result
        })
    }, innermost)(args)
  }

  afterCall(call: CallContext, error: Error | undefined): void {
    this.#tell('afterCall', plugin => plugin.afterCall?.(call, error))
  }

  beforeWrite(call: CallContext, error: Error | undefined): void {
    this.#tell('beforeWrite', plugin => plugin.beforeWrite?.(call, error))
  }

  afterWrite(call: CallContext, error: Error | undefined): void {
    this.#tell('afterWrite', plugin => plugin.afterWrite?.(call, error))
  }

  #ask(name: string, hook: (plugin: ServerHooks) => unknown): void {
    for (const plugin of this.#plugins) {
      try {
        decidedNow(name, hook(plugin))
      } catch (thrown) {
        if (isRpcxError(thrown) || isServiceError(thrown)) throw thrown
        this.#failed(name, thrown)
        throw new RpcxError('ERR_RPCX_SERVICE', 'rpcx: a plugin of the server failed', { cause: thrown })
      }
    }
  }

  #tell(name: string, hook: (plugin: ServerHooks) => unknown): void {
    for (const plugin of this.#plugins) {
      try {
        watchRejection(hook(plugin), thrown => this.#failed(name, thrown))
      } catch (thrown) {
        this.#failed(name, thrown)
      }
    }
  }

  #failed(name: string, thrown: unknown): void {
    this.#events.emit('pluginFailed', { error: toError(thrown, `hook ${name}`) })
  }
}

const CALL_HOOKS = [
  'beforeRead',
  'afterRead',
  'beforeCall',
  'around',
  'afterCall',
  'beforeWrite',
  'afterWrite',
] as const
