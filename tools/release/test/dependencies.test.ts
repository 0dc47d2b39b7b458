import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { publishedPackages } from '../src/dependencies.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const published = publishedPackages(root)
const rows = rowsOf(readFileSync(join(root, 'docs/dependencies.md'), 'utf8'))

describe('docs/dependencies.md', () => {
  test('lists each run-time dependency with its version, its users and its licence, and no other', () => {
    const used = new Map<string, { license: string | undefined; by: string[] }>()
    for (const { manifest, all } of published) {
      for (const { manifest: dependency } of all.filter(({ integrity }) => integrity !== undefined)) {
        const id = `${dependency.name} ${dependency.version}`
        const { by } = used.get(id) ?? { by: [] }
        used.set(id, { license: dependency.license, by: [...by, manifest.name.replace('@rpcx/', '')] })
      }
    }
    const wanted = [...used].map(
      ([id, { license, by }]) => `${id}, used by ${by.sort().join(' ')}, ${license}`,
    )
    const said = rows.map(({ name, version, by, license }) => `${name} ${version}, used by ${by}, ${license}`)
    expect(said.sort()).toEqual(wanted.sort())
  })

  test('says of each when it was released, how it is maintained, and why it stays', () => {
    for (const { name, released, newest, upkeep } of rows) {
      expect(released, name).toMatch(/^(by )?20\d\d-\d\d$/)
      expect(newest, name).toMatch(/^this one$|^\d+\.\d+\.\d+, 20\d\d-\d\d$/)
      expect(upkeep, name).toMatch(/\w{3}/)
    }
  })
})

test('every dependency has the same version wherever it is used', () => {
  for (const { manifest } of published) {
    for (const [dependency, range] of Object.entries(manifest.dependencies ?? {}))
      expect(range, `${manifest.name} asks for ${dependency}`).toMatch(/^\d+\.\d+\.\d+$/)
  }
})

test('none of our packages, and none of their dependencies, runs a script when it is installed', () => {
  const { onlyBuiltDependencies: mayBuild } = parse(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8'))
  expect(mayBuild).toContain('esbuild')
  for (const { manifest, all } of published) {
    expect(installScripts(manifest), manifest.name).toEqual([])
    for (const dependency of all) expect(mayBuild).not.toContain(dependency.manifest.name)
  }
})

test('the one dependency with an install script is the one that the page names', () => {
  const all = new Set(published.flatMap(({ all }) => all.map(({ manifest }) => manifest)))
  const withScripts = [...all].filter(manifest => installScripts(manifest).length > 0)
  expect(withScripts.map(({ name }) => name)).toEqual(['protobufjs'])
})

function installScripts({ scripts = {} }: { readonly scripts?: Readonly<Record<string, string>> }): string[] {
  return Object.keys(scripts).filter(name => /^(pre|post)?install$/.test(name))
}

interface Row {
  readonly name: string
  readonly version: string
  readonly by: string
  readonly released: string
  readonly newest: string
  readonly license: string
  readonly upkeep: string
}

function rowsOf(page: string): Row[] {
  return page
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => {
      const [id = '', by = '', released = '', newest = '', license = '', upkeep = ''] = line
        .slice(2, -2)
        .split(' | ')
        .map(cell => cell.trim())
      const [name = '', version = ''] = id.replaceAll('`', '').split(' ')
      return { name, version, by, released, newest, license, upkeep }
    })
}
