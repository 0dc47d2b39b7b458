import type { IncomingCall } from '../call/incoming-call.ts'
import type { Clock } from '../clock.ts'
import type { RpcxErrorCode } from '../errors.ts'
import type { MethodMeter, MethodMetrics } from './method-meter.ts'

/** A counter of events with their rate, like `RateMean` of the Meter in Go's go-metrics. */
export interface Meter {
  /** Returns the events per second since the meter was created. */
  rateMean(): number
}

/** The meters that a register plugin publishes about its server, as `calls` and `connections`. */
export interface Metrics {
  readonly calls: Meter
  /** Counts connections that were accepted, whether or not they are still open. */
  readonly connections: Meter
}

/** The counters of a server. They can be read at any time and are never reset. */
export interface ServerMetrics extends Metrics {
  /** The number of calls that arrived, including refused ones. */
  readonly receivedCalls: number
  /** The number of asynchronous calls that run, and the number of calls that wait. */
  readonly inFlight: number
  readonly queued: number
  /** The number of failed calls by code, including calls to unknown methods. */
  readonly errors: ReadonlyMap<RpcxErrorCode, number>
  readonly acceptedConnections: number
  readonly openConnections: number
  /** The number of connections that were refused before they opened; see the event `connectionRefused`. */
  readonly refusedConnections: number
  /** The number of connections that an error closed: a malformed frame, a timeout, a reset. */
  readonly failedConnections: number
  /** The counters of each method that the server offers. */
  readonly methods: Iterable<MethodMetrics>
  /** Returns the number of open connections on which `service` was called. */
  connectionsOf(service: string): number
  /** Returns all values as a plain object, for logs. */
  toJSON(): object
}

export class CountingMeter implements Meter {
  readonly #clock: Clock
  readonly #since: number
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  get count(): number {
    return this.#count
  }

  mark(): void {
    this.#count++
  }

  rateMean(): number {
    const seconds = (this.#clock.now() - this.#since) / 1000
    return seconds > 0 ? this.#count / seconds : 0
  }
}

/** The sources of the values that the meters do not count themselves. */
export interface Metered {
  readonly admission: { readonly running: number; readonly waiting: number }
  readonly services: { meters(): Iterable<MethodMetrics> }
  /** Returns the number of open connections; `openFor` counts those on which `service` was called. */
  open(): number
  openFor(service: string): number
}

/** The meters of one server. */
export class Meters implements ServerMetrics {
  readonly calls: CountingMeter
  readonly connections: CountingMeter
  readonly errors: Map<RpcxErrorCode, number> = new Map()
  refusedConnections = 0
  failedConnections = 0
  readonly #clock: Clock
  readonly #metered: Metered
  /**
   * The calls answered in this tick, newest first, grouped by method and arrival. The clock is read once at the end of the tick, when the
   * replies leave.
   */
  #newest: Answered | undefined
  readonly #endTick = (): void => this.#stamp()

  constructor(clock: Clock, metered: Metered) {
    this.calls = new CountingMeter(clock)
    this.connections = new CountingMeter(clock)
    this.#clock = clock
    this.#metered = metered
  }

  get receivedCalls(): number {
    return this.calls.count
  }
  get acceptedConnections(): number {
    return this.connections.count
  }
  get inFlight(): number {
    return this.#metered.admission.running
  }
  get queued(): number {
    return this.#metered.admission.waiting
  }
  get openConnections(): number {
    return this.#metered.open()
  }
  get methods(): Iterable<MethodMetrics> {
    return this.#metered.services.meters()
  }

  connectionsOf(service: string): number {
    return this.#metered.openFor(service)
  }

  toJSON(): object {
    const { receivedCalls, inFlight, queued, openConnections, acceptedConnections } = this
    const { refusedConnections, failedConnections } = this
    return {
      receivedCalls,
      callsPerSecond: this.calls.rateMean(),
      inFlight,
      queued,
      errors: Object.fromEntries(this.errors),
      acceptedConnections,
      openConnections,
      refusedConnections,
      failedConnections,
      methods: [...this.methods].map(
        ({ service, method, calls, inFlight, errors, latency, receivedBytes, sentBytes }) => ({
          service,
          method,
          calls,
          inFlight,
          errors: Object.fromEntries(errors),
          latencyMs: latency.toJSON(),
          receivedBytes,
          sentBytes,
        }),
      ),
    }
  }

  answered(call: IncomingCall, meter: MethodMeter, sentBytes: number): void {
    meter.calls++
    meter.receivedBytes += call.argumentBytes
    meter.sentBytes += sentBytes
    const { receivedAt } = call
    const newest = this.#newest
    if (newest !== undefined && newest.meter === meter && newest.receivedAt === receivedAt) {
      newest.count++
      return
    }
    if (newest === undefined) process.nextTick(this.#endTick)
    this.#newest = { meter, receivedAt, count: 1, before: newest }
  }

  failed(code: RpcxErrorCode): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }

  #stamp(): void {
    const now = this.#clock.now()
    for (let answered = this.#newest; answered !== undefined; answered = answered.before)
      answered.meter.latency.add(now - answered.receivedAt, answered.count)
    this.#newest = undefined
  }
}

/** Calls of one method that arrived at the same time and were answered in the same tick. */
interface Answered {
  readonly meter: MethodMeter
  readonly receivedAt: number
  count: number
  /** The previous group of the same tick. */
  readonly before: Answered | undefined
}
