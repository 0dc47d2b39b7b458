// Runs every check and ends with one line that counts the tests, read from the reports of the test runner.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const {
  static: isStatic,
  unit,
  faults,
  release,
  ...modes
} = parseArgs({
  options: {
    // Runs only lint and types.
    static: { type: 'boolean', default: false },
    // Runs only the tests that need no server.
    unit: { type: 'boolean', default: false },
    faults: { type: 'boolean', default: false },
    release: { type: 'boolean', default: false },
    // Asserts each promised time itself, not three times as long.
    strict: { type: 'boolean', default: false },
    // Runs random tests for as long as before a release.
    full: { type: 'boolean', default: false },
  },
}).values

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
process.env.NX_DAEMON = 'false'
for (const [mode, isOn] of Object.entries(modes)) if (isOn) process.env[`RPCX_${mode.toUpperCase()}`] = '1'
process.env.PATH = `${process.cwd()}/node_modules/.bin${delimiter}${process.env.PATH}`

const run = (...args) => ['nx', 'run-many', ...args]
const lint = ['biome', 'check', '--error-on-warnings', '.']
// Only the programs of the pages may use the declarations in `given.d.ts`.
const types = ['tsconfig.all.json', 'tools/docs'].map(project => ['tsc', '--noEmit', '--project', project])
const build = run('--target=build', '--parallel=1')
// Outside CI, a missing server only skips its tests.
const prepare = ['node', '--import', 'tsx', 'tools/servers/src/fetch.ts']
// The rules about sources have the same result on each system.
const withoutServers = `--projects=core,contract,inprocess${process.platform === 'linux' ? ',rules' : ''}`
/** Runs one stage after the other, and the steps of a stage concurrently. */
const stages = {
  static: [[lint, ...types]],
  unit: [[build], [run('--target=test', withoutServers, '--parallel=2')]],
  test: [
    [lint, ...types, build, prepare],
    // These run concurrently, because most of them wait most of the time.
    [run('--target=test', '--parallel=3')],
  ],
  // Load tests run alone.
  faults: [
    [prepare],
    [run('--target=faults', '--projects=core,bench,chaos', '--parallel=1')],
    [run('--target=faults', '--exclude=core,bench,chaos', '--parallel=2')],
  ],
  release: [[prepare], [run('--target=release', '--parallel=1')]],
}
const kind = isStatic ? 'static' : unit ? 'unit' : faults ? 'faults' : release ? 'release' : 'test'

const report = `${kind === 'unit' ? 'test' : kind}.json`
const inFolders = ['packages', 'tools'].flatMap(folder =>
  readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => `${folder}/${entry.name}`),
)
const projects = ['examples', ...inFolders]
for (const project of projects) rmSync(`${project}/reports/${report}`, { force: true })

const failedSteps = []
for (const stage of stages[kind]) {
  const codes = await Promise.all(stage.map(step => exitCode(step, stage.length > 1)))
  const isOptional = step => step === prepare && process.env.CI === undefined
  failedSteps.push(...stage.filter((step, i) => codes[i] !== 0 && !isOptional(step)))
}

const count = { passed: 0, failed: 0, skipped: 0 }
for (const project of projects) {
  const tests = read(`${project}/reports/${report}`)
  if (tests === undefined) continue
  count.passed += tests.numPassedTests
  count.failed += tests.numFailedTests
  count.skipped += tests.numPendingTests + tests.numTodoTests
  // A file that cannot be loaded counts as a failure, because it reports no tests.
  count.failed += tests.testResults.filter(
    file => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
}

for (const step of failedSteps) console.log(`\nfailed: ${step.join(' ')}`)
// Other systems have no unix sockets, or no signals.
const skipsInCi = process.env.CI !== undefined && process.platform === 'linux' && count.skipped > 0
if (skipsInCi) console.log('\nIn CI a skipped test is a failure.')
const isUntested = !isStatic && count.passed === 0
if (!isStatic) console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = failedSteps.length > 0 || count.failed > 0 || isUntested || skipsInCi ? 1 : 0

/** Runs a step. Shows the output of a concurrent step when that step ends. */
function exitCode([command, ...args], isOneOfMany) {
  return new Promise(resolve => {
    const said = []
    const child = spawn(command, args, {
      stdio: isOneOfMany ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      // There, the commands of packages are scripts.
      shell: process.platform === 'win32',
    })
    const show = () => {
      console.log(`\n$ ${command} ${args.join(' ')}`)
      process.stdout.write(Buffer.concat(said))
    }
    if (!isOneOfMany) show()
    for (const output of [child.stdout, child.stderr]) output?.on('data', bytes => said.push(bytes))
    child.on('error', error => said.push(Buffer.from(`${error.message}\n`)))
    child.on('close', code => {
      if (isOneOfMany) show()
      resolve(code)
    })
  })
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
