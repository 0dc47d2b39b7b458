import type { Metrics } from '../server/meters.ts'

/** The options of every register plugin. */
export interface RegisterPluginOptions {
  /**
   * The address that clients reach the server at, `tcp@10.0.0.7:8972`, or a function that finds it out when the server
   * listens. @default the address it listens at; the one external address when it listens on all interfaces
   */
  readonly serviceAddress?: string | (() => string | Promise<string>)
  /** The figures to publish as `calls` and `connections`. @default the server's own */
  readonly metrics?: Metrics
  /** How often these figures are written, in milliseconds; 0 never. @default 60_000 */
  readonly updateIntervalMs?: number
  /**
   * Whether `serve()` rejects when the first attempt to register fails, or takes longer than `startTimeoutMs`.
   * @default false: it is tried again
   */
  readonly required?: boolean
}
