import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { kinds } from '@rpcx/servers'
import { conduct } from './conductor.ts'
import { inNetwork } from './network.ts'
import { reportOf } from './report.ts'

const { values } = parseArgs({
  options: {
    registry: { type: 'string', default: 'etcd' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    seconds: { type: 'string', default: '20' },
    servers: { type: 'string', default: '4' },
    clients: { type: 'string', default: '3' },
    // Runs in its own network namespace, which sometimes loses packets. Needs root.
    lossy: { type: 'boolean', default: false },
    // Prints the journal even when all promises were kept.
    verbose: { type: 'boolean', default: false },
    // Marks the process that runs inside the namespace.
    inside: { type: 'boolean', default: false },
  },
})
const registry = kinds.find(kind => kind === values.registry)
const [seed, seconds] = [Number(values.seed), Number(values.seconds)]
const [servers, clients] = [Number(values.servers), Number(values.clients)]
if (registry === undefined || !(seed >= 0 && seconds >= 1 && servers >= 1 && clients >= 1)) {
  console.error(
    `usage: [--registry ${kinds.join('|')}] [--seed <number>] [--seconds 20] [--servers 4] [--clients 3] [--lossy] [--verbose]`,
  )
  process.exit(2)
}

if (values.lossy && !values.inside) {
  const args = ['--seed', String(seed), ...process.argv.slice(2), '--inside']
  process.exitCode = await inNetwork([process.execPath, ...process.execArgv, process.argv[1] ?? '', ...args])
} else {
  const settings = { seed, registry, seconds, servers, clients, lossy: values.lossy }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const run = await conduct(settings)
  const { text, violations } = reportOf(settings, run)
  if (values.verbose && violations === 0) console.log(`${run.journal}`)
  console.log(text)
  process.exitCode = violations > 0 ? 1 : 0
}
