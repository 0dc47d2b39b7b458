// Runs every check and ends with one line that counts the tests, read from the reports of the test runner.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { faults, release, ...modes } = parseArgs({
  options: {
    faults: { type: 'boolean', default: false },
    release: { type: 'boolean', default: false },
    // Asserts each promised time itself, not three times as long.
    strict: { type: 'boolean', default: false },
    // Runs what is random for as long, and as often, as before a release.
    full: { type: 'boolean', default: false },
  },
}).values

process.chdir(new URL('..', import.meta.url).pathname)
process.env.NX_DAEMON = 'false'
for (const [mode, isOn] of Object.entries(modes)) if (isOn) process.env[`RPCX_${mode.toUpperCase()}`] = '1'
process.env.PATH = `${process.cwd()}/node_modules/.bin:${process.env.PATH}`

// Outside CI a server that cannot be had only skips its tests.
const prepare = ['node', '--import', 'tsx', 'tools/servers/src/fetch.ts']
const target = faults ? 'faults' : release ? 'release' : 'test'
const run = (...args) => ['nx', 'run-many', ...args]
const steps = {
  test: [
    ['biome', 'check', '--error-on-warnings', '.'],
    run('--targets=typecheck,build', '--parallel=2'),
    prepare,
    run('--target=test', '--parallel=2'),
  ],
  // What puts the machine under load runs alone.
  faults: [
    prepare,
    run('--target=faults', '--projects=core,bench,chaos', '--parallel=1'),
    run('--target=faults', '--exclude=core,bench,chaos', '--parallel=2'),
  ],
  release: [prepare, run('--target=release', '--parallel=1')],
}[target]

const report = `${target}.json`
const inFolders = ['packages', 'tools'].flatMap(folder =>
  readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => `${folder}/${entry.name}`),
)
const projects = ['examples', ...inFolders]
for (const project of projects) rmSync(`${project}/reports/${report}`, { force: true })

const failedSteps = steps
  .filter(([command, ...args]) => {
    console.log(`\n$ ${command} ${args.join(' ')}`)
    return spawnSync(command, args, { stdio: 'inherit' }).status !== 0
  })
  .filter(step => step !== prepare || process.env.CI !== undefined)

const count = { passed: 0, failed: 0, skipped: 0 }
for (const project of projects) {
  const tests = read(`${project}/reports/${report}`)
  if (tests === undefined) continue
  count.passed += tests.numPassedTests
  count.failed += tests.numFailedTests
  count.skipped += tests.numPendingTests + tests.numTodoTests
  // A file that cannot even be loaded has no tests to count.
  count.failed += tests.testResults.filter(
    file => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
}

for (const step of failedSteps) console.log(`\nfailed: ${step.join(' ')}`)
const skipsInCi = process.env.CI !== undefined && count.skipped > 0
if (skipsInCi) console.log('\nIn CI a skipped test is a failure.')
console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = failedSteps.length > 0 || count.failed > 0 || count.passed === 0 || skipsInCi ? 1 : 0

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
