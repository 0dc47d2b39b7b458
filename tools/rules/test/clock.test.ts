import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const packages = new URL('../../../packages/', import.meta.url).pathname

/** Code that gets time or random numbers from Node or the engine, instead of the `Clock` of a server, a client or a discovery. */
const ASKS: Readonly<Record<string, RegExp>> = {
  performance: /\bperformance\.(?:now|timeOrigin)\b/,
  Date: /\bDate\.now\b|\bnew Date\(\)|(?<!new )\bDate\(\)/,
  timers: /(?<![.#\w])(?:set|clear)(?:Timeout|Interval)\(|\bAbortSignal\.timeout\b/,
  'node:timers': /\{(?!\s*setImmediate(?: as \w+)?,?\s*\})[^{}]*\} from 'node:timers(?:\/promises)?'/,
  process: /\bprocess\.(?:hrtime|uptime)\b/,
  Math: /\bMath\.random\b/,
  crypto: /\b(?:randomBytes|randomUUID|randomInt|randomFill\w*|getRandomValues)\b/,
}

/** The files that may do so. */
const EXCEPTIONS: readonly (readonly [file: string, asks: string, why: string])[] = [
  ['core/src/clock.ts', 'performance', 'it is Node’s clock'],
  ['core/src/clock.ts', 'Date', 'it is Node’s clock'],
  ['core/src/clock.ts', 'timers', 'it is Node’s clock'],
  ['core/src/clock.ts', 'Math', 'it is Node’s clock'],
  ['core/src/clock.ts', 'crypto', 'it is Node’s clock'],
  ['core/src/events.ts', 'performance', 'warnings belong to the process'],
  ['core/src/server/same-token.ts', 'crypto', 'a secret'],
  ['core/src/transport/tcp.ts', 'timers', 'waits for the system'],
  ['consul/src/query-slots.ts', 'performance', 'all discoveries of the process share the slots'],
  ['consul/src/read-throttle.ts', 'performance', 'all connections of the process to one agent share it'],
  ['consul/src/read-throttle.ts', 'timers', 'all connections of the process to one agent share it'],
  ['etcd/src/client.ts', 'Date', 'gRPC compares its deadlines with Date.now()'],
  ['etcd/src/lease.ts', 'Date', 'gRPC compares its deadlines with Date.now()'],
]

describe('Time and chance come from the clock', () => {
  test('in the sources of all packages, with the listed exceptions', async () => {
    const found = (await sources()).flatMap(([file, text]) => asksIn(text).map(asks => `${file}: ${asks}`))
    expect(found.toSorted()).toEqual(EXCEPTIONS.map(([file, asks]) => `${file}: ${asks}`).toSorted())
  })

  test.each([
    ['const now = performance.now()', 'performance'],
    ['performance.timeOrigin + 1', 'performance'],
    ['const at = Date.now()', 'Date'],
    ['const at = new Date()', 'Date'],
    ['timer = setTimeout(run, 1)', 'timers'],
    ['inRoot(() => setInterval(run, 1))', 'timers'],
    ['const signal = AbortSignal.timeout(1)', 'timers'],
    ["import { setTimeout as sleep } from 'node:timers/promises'", 'node:timers'],
    ["import { setImmediate as turn, setTimeout } from 'node:timers/promises'", 'node:timers'],
    ['process.hrtime.bigint()', 'process'],
    ['const at = Math.random() * 2', 'Math'],
    ['readonly id = lazy.crypto.randomUUID()', 'crypto'],
    ["import { randomBytes } from 'node:crypto'", 'crypto'],
  ])('the rule finds %s', (text, asks) => {
    expect(asksIn(text)).toEqual([asks])
  })

  test.each([
    'timer = clock.setTimeout(run, 1)',
    'const date = new Date(seconds * 1000)',
    'socket.setTimeout(1_000)',
    'setImmediate(run)',
    "import { setImmediate as turn } from 'node:timers/promises'",
    '// performance.now() costs as much',
    '/** By `Date.now()`. */',
  ])('the rule accepts %s', text => {
    expect(asksIn(text)).toEqual([])
  })
})

function asksIn(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, '')
  return Object.keys(ASKS).filter(asks => ASKS[asks]?.test(code))
}

/** Without the laws of the contract, which measure real registries. */
async function sources(): Promise<(readonly [file: string, text: string])[]> {
  const names = (await readdir(packages)).filter(name => name !== 'contract')
  const files = await Promise.all(
    names.map(async name => {
      const all = await readdir(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' })
      return all.filter(path => path.endsWith('.ts')).map(path => `${name}/src/${path}`)
    }),
  )
  return Promise.all(
    files.flat().map(async file => [file, await readFile(join(packages, file), 'utf8')] as const),
  )
}
