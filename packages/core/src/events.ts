import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { lazy } from './lazy.ts'

/**
 * The events of one object, for what happens with no caller. Each is also published on the `diagnostics_channel`
 * `rpcx:<owner>:<event>` and printed under `NODE_DEBUG=rpcx`.
 */
export class Events<Map extends object> {
  readonly #owner: string
  readonly #emitter = new EventEmitter()

  constructor(owner: string) {
    this.#owner = owner
    // A client may follow many services; this is no leak.
    this.#emitter.setMaxListeners(0)
  }

  on<Name extends keyof Map & string>(event: Name, listener: (detail: Map[Name]) => void): void {
    this.#emitter.on(event, listener)
  }

  off<Name extends keyof Map & string>(event: Name, listener: (detail: Map[Name]) => void): void {
    this.#emitter.off(event, listener)
  }

  emit<Name extends keyof Map & string>(event: Name, detail: Map[Name]): void {
    const name = `rpcx:${this.#owner}:${event}`
    if (debug.enabled) debug('%s', describe(name, detail))
    const published = channel(name)
    if (published.hasSubscribers) published.publish(detail)
    try {
      this.#emitter.emit(event, detail)
    } catch (error) {
      // A listener's mistake is the program's to hear of, but must not stop what emitted the event.
      process.nextTick(() => {
        throw error
      })
    }
  }
}

/** Without what is private, by which types of two copies of this package would differ. */
export type PublicEvents<Map extends object> = Pick<Events<Map>, keyof Events<Map>>

const debug = lazy.util.debuglog('rpcx')

function describe(name: string, detail: unknown): string {
  // What the `values` of an endpoint say stands in its metadata, too, and a `Map` has no JSON.
  const json = (value: unknown): string =>
    JSON.stringify(value, (_key, part) => (part instanceof Map ? undefined : part))
  const fields = Object.entries(detail as object).map(([key, value]) =>
    lazy.util.format('%s=%s', key, value instanceof Error ? value.message : json(value)),
  )
  return [name, ...fields].join(' ')
}
