import type { FaultKind } from './plan.ts'

/** What happened in a run, as far as the oracles have to know it. Times are milliseconds of the run. */
export interface History {
  readonly calls: readonly CallRecord[]
  readonly executions: readonly Execution[]
  readonly disturbances: readonly Disturbance[]
  /** The servers' names, without those that claim addresses of others. */
  readonly servers: readonly string[]
  /** Calls that had no end when their client had waited for all of them. */
  readonly unended: readonly string[]
  readonly ends: readonly ProcessEnd[]
  readonly complaints: readonly Complaint[]
  /** What the registry and each client showed once all faults were over. */
  readonly settlements: readonly Settlement[]
  /** Calls that were made when all was well again. */
  readonly probes: readonly Probe[]
  readonly memory: readonly MemoryGrowth[]
}

/** A call as its client saw it. */
export interface CallRecord {
  readonly id: string
  readonly method: 'once' | 'again'
  /** When it began. */
  readonly at: number
  readonly tookMs: number
  /** How much of that its client could not run. */
  readonly stalledMs: number
  readonly timeoutMs: number
  /** Why it failed; undefined when it succeeded. */
  readonly code: string | undefined
  /** What it returned: its own id when all is well. */
  readonly answer: unknown
}

/** A call as a server ran it; written down before anything else happens, so that it outlives a `kill -9`. */
export interface Execution {
  readonly id: string
  readonly server: string
  readonly at: number
}

/** A fault as it happened: until a process that was started again did its work. */
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
  /** Whether it ended as it was told to. */
  readonly asked: boolean
}

/** What a process says of itself that none should: an uncaught exception, a rejection that nobody handles, a warning. */
export interface Complaint {
  readonly who: string
  readonly what: string
}

/** How long it took until a list was right and stayed so. */
export interface Settlement {
  readonly who: string
  /** Undefined when it never was. */
  readonly tookMs: number | undefined
  readonly promisedMs: number
  readonly shown: string
  readonly wanted: string
}

/** How a client's calls went after rest. */
export interface Probe {
  readonly who: string
  readonly calls: number
  readonly failures: readonly string[]
}

/** What a process held after its first calls, and after rest, in bytes. */
export interface MemoryGrowth {
  readonly who: string
  readonly before: Held
  readonly after: Held
}

export interface Held {
  readonly heapUsed: number
  readonly rss: number
}
