import type { Run } from './conductor.ts'
import type { History } from './history.ts'
import { oracles } from './oracles.ts'
import type { Settings } from './plan.ts'
import { timeline } from './plan.ts'

/** The result of a run. */
export interface Report {
  readonly text: string
  readonly violations: number
}

/** Judges a run by all oracles. Returns the violations, followed by the plan and the journal. */
export function reportOf(settings: Settings, run: Run): Report {
  const { plan, history, journal } = run
  const broken = oracles
    .map(({ promise, violations }) => ({ promise, found: violations(history) }))
    .filter(({ found }) => found.length > 0)
  const violations = broken.reduce((sum, { found }) => sum + found.length, 0)
  const lines = [figuresOf(settings, run)]
  for (const { promise, found } of broken) {
    lines.push(
      `\nBROKEN, ${found.length} ×: ${promise}`,
      ...found.slice(0, MOST_SHOWN).map(each => `  ${each}`),
    )
  }
  if (violations > 0) {
    lines.push('\nThe plan:', timeline(plan), '\nWhat was done:', journal.toString())
    lines.push(`\nOnce more: ${commandOf(settings)}`)
  }
  return { text: lines.join('\n'), violations }
}

const MOST_SHOWN = 20

function figuresOf({ seed, registry }: Settings, { plan, history }: Run): string {
  const { calls, executions, settlements } = history
  const failures = counted(calls.flatMap(({ code }) => code ?? []))
  const again = new Set(calls.filter(({ method }) => method === 'again').map(({ id }) => id))
  const repeated = counted(executions.map(({ id }) => id).filter(id => again.has(id)))
  return [
    `${registry}, seed ${seed}: ${plan.length} faults (${listed(counted(plan.map(({ kind }) => kind)))})`,
    `${calls.length} calls, ${calls.filter(({ code }) => code === undefined).length} succeeded; ${listed(failures)}`,
    `${executions.length} executions, ${[...repeated.values()].filter(n => n > 1).length} idempotent calls ran more than once`,
    `lists were right after ${settlements.map(({ who, tookMs }) => `${who} ${tookMs?.toFixed(0) ?? '?'} ms`).join(', ')}`,
    `memory: ${history.memory.map(growthOf).join(', ')}`,
  ].join('\n')
}

function growthOf({ who, before, after }: History['memory'][number]): string {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  return `${who} heap ${mib(before.heapUsed)}→${mib(after.heapUsed)} rss ${mib(before.rss)}→${mib(after.rss)} MiB`
}

function counted(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
}

function commandOf({ seed, registry, seconds, servers, clients, lossy }: Settings): string {
  const args = `--registry ${registry} --seed ${seed} --seconds ${seconds} --servers ${servers} --clients ${clients}`
  return `npm run chaos -- ${args}${lossy ? ' --lossy' : ''}`
}
