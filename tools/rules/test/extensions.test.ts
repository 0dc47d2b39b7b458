import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const core = join(root, 'packages/core/src')

describe('An extension outside of core', () => {
  test.each([
    ['a fail policy', 'examples/fail-policy/same-zone.ts', 1],
    ['a transport', 'examples/worker-threads/thread-transport.ts', 2],
  ])('%s needs the expected number of files, and none in core: %s', async (_what, file, count) => {
    const files = await reachedFrom(join(root, file))
    expect(files.size).toBe(count)
    const foreign = [...files.values()].flat().filter(name => !name.startsWith('node:'))
    expect(new Set(foreign)).toEqual(new Set(['@rpcx/core']))
  })
})

describe('An extension of core is named only in the table of its folder:', () => {
  test.each([
    ['client/policy/failfast.ts', 'fail-mode.ts'],
    ['client/policy/failtry.ts', 'fail-mode.ts'],
    ['client/policy/failover.ts', 'fail-mode.ts'],
    ['transport/memory.ts', 'transports.ts'],
  ])('%s', async (file, table) => {
    const importers: string[] = []
    for (const path of await readdir(core, { recursive: true })) {
      if (!path.endsWith('.ts')) continue
      const imported = (await importsOf(join(core, path))).map(name => resolve(core, dirname(path), name))
      if (imported.includes(join(core, file))) importers.push(path)
    }
    expect(importers).toContain(join(dirname(file), table))
    expect(importers.filter(path => dirname(path) !== dirname(join(file)))).toEqual([])
  })
})

/** Returns the imports of a file from other folders, and those of the files in its own folder that it reaches. */
async function reachedFrom(file: string, seen = new Map<string, string[]>()): Promise<Map<string, string[]>> {
  const imported = await importsOf(file)
  seen.set(
    basename(file),
    imported.filter(name => !name.startsWith('./')),
  )
  for (const name of imported) {
    if (name.startsWith('./') && !seen.has(basename(name))) await reachedFrom(join(dirname(file), name), seen)
  }
  return seen
}

async function importsOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  return [...text.matchAll(/(?:from|import) '([^']+)'/g)].map(([, name = '']) => name)
}
