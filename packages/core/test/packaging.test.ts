import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const built = fileURLToPath(new URL('../dist/index.js', import.meta.url))
const run = promisify(execFile)

interface Package {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly sideEffects: boolean
  readonly files: readonly string[]
}

/** Returns the median time of some processes that do only this. */
/** The time of a processor that a program takes: other processes change it less than the time on the wall. */
async function medianMs(program: string, times = 9): Promise<number> {
  const all: number[] = []
  // Not by `console.log`, which may write a number in colour.
  const telling = `${program}; const { user, system } = process.cpuUsage(); process.stdout.write(String(user + system))`
  for (let i = 0; i < times; i++) {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', telling], { cwd: root })
    all.push(Number(stdout) / 1_000)
  }
  return all.sort((a, b) => a - b)[times >> 1] as number
}

describe('the package', () => {
  beforeAll(() => {
    if (!existsSync(built)) execFileSync('npx', ['tsup'], { cwd: root, stdio: 'ignore' })
  })

  test('is imported within 25 ms', async () => {
    const bare = await medianMs('0')
    const imported = await medianMs("await import('@rpcx/core')")
    const costMs = imported - bare
    console.log(`import '@rpcx/core': ${costMs.toFixed(1)} ms beyond a bare process`)
    // Three times the promised time, because machines differ.
    expect(costMs).toBeLessThan(75)
  })

  test('can be loaded with require(), because it has no top-level await', async () => {
    const program = "const { Server } = require('@rpcx/core'); console.log(typeof Server)"
    const flags = process.features.require_module ? [] : ['--experimental-require-module']
    const { stdout } = await run(process.execPath, [...flags, '-e', program], { cwd: root })
    expect(stdout.trim()).toBe('function')
  })

  test('installs at most one other package, and contains only what is built', () => {
    const {
      dependencies = {},
      sideEffects,
      files,
    }: Package = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(1)
    expect({ sideEffects, files }).toEqual({ sideEffects: false, files: ['dist'] })
  })

  test('imports only its dependencies and modules of Node', () => {
    const { dependencies = {} }: Package = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
    const imports = [...readFileSync(built, 'utf8').matchAll(/^(?:import|export) .*?from ["']([^"']+)["']/gm)]
    const foreign = imports.map(([, name]) => name as string).filter(name => !isBuiltin(name))
    expect(foreign.filter(name => !(name in dependencies))).toEqual([])
  })
})
