import type { RpcxErrorCode } from '../errors.ts'
import { Histogram } from './histogram.ts'

/** What one method did so far. */
export interface MethodMetrics {
  readonly service: string
  readonly method: string
  /** Calls that were answered, or would have been if they were not one-way. */
  readonly calls: number
  /** Calls that run and are not done at once. */
  readonly inFlight: number
  /** Of these calls, those that failed, by code. */
  readonly errors: ReadonlyMap<RpcxErrorCode, number>
  /** From the arrival of a call to its answer, waiting included. */
  readonly latency: Pick<Histogram, keyof Histogram>
  /** Payloads as they were on the wire, compressed or not. */
  readonly receivedBytes: number
  readonly sentBytes: number
}

/** Counts one method. */
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
