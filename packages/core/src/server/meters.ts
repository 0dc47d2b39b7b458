import type { IncomingCall } from '../call/incoming-call.ts'
import type { Clock } from '../clock.ts'
import type { RpcxErrorCode } from '../errors.ts'
import type { MethodMeter, MethodMetrics } from './method-meter.ts'

/** Counts events and tells their rate, as the Meter of Go's go-metrics does with `RateMean`. */
export interface Meter {
  /** Events per second since the meter was made. */
  rateMean(): number
}

/** What a register plugin publishes about its server as `calls` and `connections`. */
export interface Metrics {
  readonly calls: Meter
  /** Connections accepted, not connections open. */
  readonly connections: Meter
}

/** What a server counts. Figures to read at any time; none is ever reset. */
export interface ServerMetrics extends Metrics {
  /** Calls that came, also those that were refused. */
  readonly receivedCalls: number
  /** Calls that run and are not done at once, and calls that wait for their turn. */
  readonly inFlight: number
  readonly queued: number
  /** Failures by code, also of calls that found no method. */
  readonly errors: ReadonlyMap<RpcxErrorCode, number>
  readonly acceptedConnections: number
  readonly openConnections: number
  /** Turned away before they were open: `connectionRefused`. */
  readonly refusedConnections: number
  /** Closed because of an error: a malformed frame, a time-out, a reset. */
  readonly failedConnections: number
  /** One for each method that is offered. */
  readonly methods: Iterable<MethodMetrics>
  /** Open connections on which that service was called. */
  connectionsOf(service: string): number
  /** All figures as plain values, for logs. */
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

/** Where the meters look for what others count. */
export interface Metered {
  readonly admission: { readonly running: number; readonly waiting: number }
  readonly services: { meters(): Iterable<MethodMetrics> }
  /** Connections that are open; those on which that service was called. */
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
   * What was answered in this tick: calls of one method that came together count as one. One reading of the clock at the end of
   * the tick, when the replies leave, serves them all.
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

/** Calls of one method that came at the same time and were answered in one tick. */
interface Answered {
  readonly meter: MethodMeter
  readonly receivedAt: number
  count: number
  /** What was answered before, in the same tick. */
  readonly before: Answered | undefined
}
