import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))

test.each([undefined, '1.2.3'])(
  'a minor of core releases the same minor of every other package, never a major, from %s',
  async version => {
    const copy = await mkdtemp(join(tmpdir(), 'rpcx-release-'))
    try {
      await copyTo(copy)
      if (version !== undefined) await setVersion(copy, version)
      await writeFile(join(copy, '.changeset/change.md'), "---\n'@rpcx/core': minor\n---\n\nSomething new.\n")

      const before = await manifests(copy)
      await run(join(root, 'node_modules/.bin/changeset'), ['version'], { cwd: copy })
      await run('node', ['--import', 'tsx', 'tools/release/src/version.ts'], { cwd: copy })
      const after = await manifests(copy)

      expect(new Set(before.map(({ version }) => version)).size, 'all packages share a version').toBe(1)
      const [major = 0, minor = 0] = before[0]?.version.split('.').map(Number) ?? []
      const next = `${major}.${minor + 1}.0`
      for (const { name, version, peerDependencies } of after) {
        expect(version, name).toBe(next)
        const peers = name === '@rpcx/core' ? undefined : { '@rpcx/core': `>=${next} <${major + 1}` }
        expect(peerDependencies, name).toEqual(peers)
      }
      await saysEverywhere(copy, next)
    } finally {
      await rm(copy, { recursive: true, force: true })
    }
  },
  60_000,
)

test('the version is the same wherever it is written', async () => {
  const [{ version } = { version: '' }] = await manifests(root)
  await saysEverywhere(root, version)
})

test('every package is published for everybody, with provenance', async () => {
  for (const { name, publishConfig } of await manifests(root)) {
    expect(publishConfig, name).toMatchObject({ access: 'public', provenance: true })
  }
})

interface Manifest {
  readonly name: string
  readonly version: string
  readonly publishConfig: object
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Asserts that core and the examples know this version. */
async function saysEverywhere(folder: string, version: string): Promise<void> {
  const source = await readFile(join(folder, 'packages/core/src/version.ts'), 'utf8')
  expect(source).toContain(`'${version}'`)
  const { stdout } = await run('git', ['ls-files', 'examples/*/package.json'], { cwd: root })
  for (const file of stdout.trim().split('\n')) {
    const { dependencies } = JSON.parse(await readFile(join(folder, file), 'utf8'))
    for (const [name, range] of Object.entries(dependencies)) {
      if (name.startsWith('@rpcx/')) expect(range, file).toBe(`^${version}`)
    }
  }
}

/** The files that a release reads and writes. */
async function copyTo(copy: string): Promise<void> {
  const patterns = ['*package.json', '*.yaml', '.changeset', '*/version.ts']
  const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard', ...patterns], { cwd: root })
  // A file that is deleted is listed until that is committed.
  const files = stdout
    .trim()
    .split('\n')
    .filter(file => existsSync(join(root, file)))
  for (const file of files) await cp(join(root, file), join(copy, file), { recursive: true })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await run('git', ['init', '-q', '-b', 'main'], { cwd: copy })
}

async function setVersion(copy: string, version: string): Promise<void> {
  const [major] = version.split('.').map(Number)
  for (const name of await readdir(join(copy, 'packages'))) {
    const file = join(copy, 'packages', name, 'package.json')
    const text = (await readFile(file, 'utf8'))
      .replace(/"version": ".*"/, `"version": "${version}"`)
      .replace(/">=.* <\d+"/, `">=${version} <${Number(major) + 1}"`)
    await writeFile(file, text)
  }
}

/** Returns the manifest of each published package. */
async function manifests(folder: string): Promise<Manifest[]> {
  const names = await readdir(join(folder, 'packages'))
  const file = (name: string): string => join(folder, 'packages', name, 'package.json')
  return Promise.all(names.map(async name => JSON.parse(await readFile(file(name), 'utf8'))))
}
