import type { FaultKind } from './plan.ts'

/** What the oracles know of a run. Times are milliseconds since its start. */
export interface History {
  readonly calls: readonly CallRecord[]
  readonly executions: readonly Execution[]
  readonly disturbances: readonly Disturbance[]
  /** The names of the servers, without rivals. */
  readonly servers: readonly string[]
  /** Calls that were still open after their client had waited for all calls. */
  readonly unended: readonly string[]
  readonly ends: readonly ProcessEnd[]
  readonly complaints: readonly Complaint[]
  /** What the registry and each client showed after all faults. */
  readonly settlements: readonly Settlement[]
  /** Calls that were made after recovery. */
  readonly probes: readonly Probe[]
  readonly memory: readonly MemoryGrowth[]
}

/** A call, as its client recorded it. */
export interface CallRecord {
  readonly id: string
  readonly method: 'once' | 'again'
  /** When the call started. */
  readonly at: number
  readonly tookMs: number
  /** For how much of that time its client process could not run. */
  readonly stalledMs: number
  readonly timeoutMs: number
  /** The error; undefined when the call succeeded. */
  readonly code: string | undefined
  /** The result, which should be the id of the call. */
  readonly answer: unknown
}

/** A call, as a server recorded it before it did anything else, so that the record survives a `kill -9`. */
export interface Execution {
  readonly id: string
  readonly server: string
  readonly at: number
}

/** A fault that happened. A restart lasts until the new process works. */
export interface Disturbance {
  readonly who: string
  readonly kind: FaultKind
  readonly from: number
  readonly to: number
}

/** A process that ended. */
export interface ProcessEnd {
  readonly who: string
  readonly at: number
  readonly how: string
  /** Whether the run ended it. */
  readonly asked: boolean
}

/** A report that no process should make: an uncaught exception, an unhandled rejection or a warning. */
export interface Complaint {
  readonly who: string
  readonly what: string
}

/** How long it took until a list was right and stayed right. */
export interface Settlement {
  readonly who: string
  /** Undefined when it never became right. */
  readonly tookMs: number | undefined
  readonly promisedMs: number
  readonly shown: string
  readonly wanted: string
}

/** The calls of a client after recovery. */
export interface Probe {
  readonly who: string
  readonly calls: number
  readonly failures: readonly string[]
}

/** The memory of a process after its first calls and after recovery, in bytes. */
export interface MemoryGrowth {
  readonly who: string
  readonly before: Held
  readonly after: Held
}

export interface Held {
  readonly heapUsed: number
  readonly rss: number
}
