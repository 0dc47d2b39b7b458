import type { RpcxErrorCode } from '../errors.ts'
import { Histogram } from './histogram.ts'

/** The counters of one method. */
export interface MethodMetrics {
  readonly service: string
  readonly method: string
  /** The number of calls that have ended, including one-way calls. */
  readonly calls: number
  /** The number of asynchronous calls that run. */
  readonly inFlight: number
  /** The number of failed calls by code. */
  readonly errors: ReadonlyMap<RpcxErrorCode, number>
  /** The time from the arrival of a call to its reply, including the time in the queue. */
  readonly latency: Pick<Histogram, keyof Histogram>
  /** The size of payloads on the wire, compressed or not. */
  readonly receivedBytes: number
  readonly sentBytes: number
}

/** Counts the calls of one method. */
export class MethodMeter implements MethodMetrics {
  readonly service: string
  readonly method: string
  readonly errors: Map<RpcxErrorCode, number> = new Map()
  readonly latency: Histogram = new Histogram()
  calls = 0
  inFlight = 0
  receivedBytes = 0
  sentBytes = 0

  constructor(service: string, method: string) {
    this.service = service
    this.method = method
  }

  failed(code: RpcxErrorCode): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }
}
