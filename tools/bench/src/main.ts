import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { coldStart } from './measurements/cold-start.ts'
import { cores } from './measurements/cores.ts'
import { flatness } from './measurements/flatness.ts'
import { growth } from './measurements/growth.ts'
import { idle } from './measurements/idle.ts'
import { latency } from './measurements/latency.ts'
import { metering } from './measurements/metering.ts'
import { picks } from './measurements/picks.ts'
import { throughput } from './measurements/throughput.ts'
import { page } from './report/page.ts'
import { plot } from './report/plot.ts'
import { tables } from './report/tables.ts'
import type { Row } from './row.ts'

// Runs all measurements, or those that `--only` names, and writes the results beside the reports of the tests. `--publish` also writes
// BENCHMARKS.md.

const measurements = { throughput, latency, flatness, metering, picks, idle, growth, coldStart, cores }

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '800' },
    only: { type: 'string', multiple: true, default: Object.keys(measurements) },
    publish: { type: 'boolean', default: false },
  },
})

const unknown = values.only.filter(name => !Object.hasOwn(measurements, name))
if (unknown.length > 0)
  throw new RangeError(`--only ${unknown}: not one of ${Object.keys(measurements).join(', ')}`)

const rows: Row[] = []
for (const [name, measure] of Object.entries(measurements)) {
  if (!values.only.includes(name)) continue
  for await (const row of measure(Number(values.rounds), Number(values.ms))) {
    console.error(`measured: ${row.work}`)
    rows.push(row)
  }
}

console.log(tables(rows))
const root = new URL('../../../', import.meta.url)
const folder = new URL(values.publish ? 'tools/bench/results/' : 'tools/bench/reports/', root)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('bench.json', folder), `${JSON.stringify(rows, rounded, 2)}\n`)
writeFileSync(new URL('bench.svg', folder), plot(rows))
if (values.publish) writeFileSync(new URL('BENCHMARKS.md', root), page(rows, values.rounds))

/** Rounds to 4 digits, because further digits are noise. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value
}
