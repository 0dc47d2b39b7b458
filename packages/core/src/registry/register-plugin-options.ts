import type { Metrics } from '../server/meters.ts'

/** The options of every register plugin. */
export interface RegisterPluginOptions {
  /**
   * The address at which clients reach the server, such as `tcp@10.0.0.7:8972`, or a function that returns it once the server
   * listens. @default where the server listens; on all interfaces, its only external address
   */
  readonly serviceAddress?: string | (() => string | Promise<string>)
  /** The figures to publish as `calls` and `connections`. @default the server's own */
  readonly metrics?: Metrics
  /** How often the server publishes these figures, in milliseconds. 0: never. @default 60_000 */
  readonly updateIntervalMs?: number
  /**
   * Whether `serve()` rejects when the first attempt to register fails, or takes longer than `startTimeoutMs`.
   * @default false: the server keeps trying
   */
  readonly required?: boolean
}
