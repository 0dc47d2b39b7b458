import type { History } from './history.ts'
import type { FaultKind } from './plan.ts'

/** A promise, and a function that returns a sentence for each violation in a history. */
export interface Oracle {
  readonly promise: string
  violations(history: History): readonly string[]
}

/** How long after its deadline a call may end, counting only time in which its client ran. */
const GRACE_MS = 250
/** How much memory a process may gain between its first calls and the end of the run. */
const HEAP_GROWTH_BYTES = 24 * 2 ** 20
const RSS_GROWTH_BYTES = 160 * 2 ** 20

/** The codes of calls that did not run. */
const NOT_RUN = new Set(['ERR_RPCX_NOT_EXECUTED', 'ERR_RPCX_NO_ENDPOINT', 'ERR_RPCX_UNAVAILABLE'])

export const oracles: readonly Oracle[] = [
  {
    promise: 'a call that is not idempotent runs once at most',
    violations: history => {
      const runs = runsById(history)
      return history.calls
        .filter(({ id, method }) => method === 'once' && (runs.get(id)?.length ?? 0) > 1)
        .map(({ id, at, code }) => `${id} of ${at} ms ran ${times(runs.get(id))}, and ${ended(code)}`)
    },
  },
  {
    promise: 'a call that succeeded ran, and was answered with its own reply',
    violations: history => {
      const runs = runsById(history)
      return history.calls
        .filter(({ id, code, answer }) => code === undefined && !(runs.has(id) && answer === id))
        .map(({ id, at, answer }) => `${id} of ${at} ms ran ${times(runs.get(id))}, and returned ${answer}`)
    },
  },
  {
    promise: 'a call that is said not to have run did not',
    violations: history => {
      const runs = runsById(history)
      return history.calls
        .filter(({ id, method, code = '' }) => method === 'once' && NOT_RUN.has(code) && runs.has(id))
        .map(({ id, at, code }) => `${id} of ${at} ms ran ${times(runs.get(id))}, and ${ended(code)}`)
    },
  },
  {
    promise: 'a call ends within its deadline and 250 ms in which its client ran',
    violations: ({ calls, unended }) => [
      ...calls
        .filter(({ tookMs, stalledMs, timeoutMs }) => tookMs - stalledMs > timeoutMs + GRACE_MS)
        .map(({ id, at, tookMs, stalledMs, timeoutMs, code }) => {
          const took = `${tookMs.toFixed(0)} ms, ${stalledMs.toFixed(0)} of them stalled`
          return `${id} of ${at} ms took ${took}, with ${timeoutMs} ms to live, and ${ended(code)}`
        }),
      ...unended.map(id => `${id} did not end at all`),
    ],
  },
  {
    promise: 'while a server lives undisturbed, no call fails for want of an endpoint',
    violations: history =>
      history.calls
        .filter(({ code }) => code === 'ERR_RPCX_NO_ENDPOINT')
        .flatMap(({ id, at, tookMs }) => {
          const undisturbed = undisturbedServers(history, at - UNDISTURBED_MS, at + tookMs)
          return undisturbed.length === 0 ? [] : `${id} of ${at} ms, in spite of ${undisturbed.join(', ')}`
        }),
  },
  {
    promise: 'once the faults are over, every list equals the servers that live',
    violations: ({ settlements }) =>
      settlements
        .filter(({ tookMs, promisedMs }) => !(tookMs !== undefined && tookMs <= promisedMs))
        .map(({ who, tookMs, promisedMs, shown, wanted }) => {
          const took = tookMs === undefined ? 'never right' : `right after ${tookMs.toFixed(0)} ms`
          return `${who}: ${took}, promised ${promisedMs}; last it showed ${shown}, right is ${wanted}`
        }),
  },
  {
    promise: 'once the lists are right, no call fails',
    violations: ({ probes }) =>
      probes.flatMap(({ who, failures }) => failures.map(failure => `${who}: ${failure}`)),
  },
  {
    promise: 'no process ends by itself, and each ends when it is told to',
    violations: ({ ends }) =>
      ends.filter(({ asked }) => !asked).map(({ who, at, how }) => `${who} ended with ${how} at ${at} ms`),
  },
  {
    promise: 'nothing is thrown that nobody catches, and nothing leaks listeners',
    violations: ({ complaints }) => complaints.map(({ who, what }) => `${who}: ${what}`),
  },
  {
    promise: 'memory after rest is near that after the first calls',
    violations: ({ memory }) =>
      memory
        .filter(
          ({ before, after }) =>
            after.heapUsed - before.heapUsed > HEAP_GROWTH_BYTES || after.rss - before.rss > RSS_GROWTH_BYTES,
        )
        .map(({ who, before, after }) => {
          const heap = `heap from ${mib(before.heapUsed)} to ${mib(after.heapUsed)} MiB`
          return `${who}: ${heap}, resident from ${mib(before.rss)} to ${mib(after.rss)} MiB`
        }),
  },
]

/** Longer than any outage of the registry plus the time that a new server then needs to reach every list. */
const UNDISTURBED_MS = 7_000

/** The faults that take the connections or the entry of a server away. A server that only hangs keeps its connections and stays in use. */
const PARTING: ReadonlySet<FaultKind> = new Set(['kill', 'terminate', 'deactivate', 'claim'])

function undisturbedServers({ servers, disturbances }: History, from: number, to: number): readonly string[] {
  const parted = disturbances.filter(each => PARTING.has(each.kind) && each.from < to && each.to > from)
  return servers.filter(server => !parted.some(({ who }) => who === server))
}

/** Returns the servers that ran each call, by the id of the call. */
function runsById({ executions }: History): ReadonlyMap<string, readonly string[]> {
  const runs = new Map<string, string[]>()
  for (const { id, server } of executions) {
    const known = runs.get(id)
    if (known === undefined) runs.set(id, [server])
    else known.push(server)
  }
  return runs
}

function times(servers: readonly string[] = []): string {
  return servers.length === 0 ? 'nowhere' : `${servers.length} × (${servers.join(', ')})`
}

function ended(code: string | undefined): string {
  return code === undefined ? 'succeeded' : `failed with ${code}`
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
