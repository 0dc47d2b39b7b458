import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = new URL('../../../', import.meta.url).pathname

test('a minor of core releases the same minor of every other package, never a major', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'rpcx-release-'))
  try {
    const { stdout } = await run(
      'git',
      ['ls-files', '-co', '--exclude-standard', '*package.json', '*.yaml', '.changeset'],
      {
        cwd: root,
      },
    )
    for (const file of stdout.trim().split('\n'))
      await cp(join(root, file), join(copy, file), { recursive: true })
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
    await run('git', ['init', '-q', '-b', 'main'], { cwd: copy })
    await writeFile(join(copy, '.changeset/change.md'), "---\n'@rpcx/core': minor\n---\n\nSomething new.\n")

    const before = await versions(copy)
    await run(join(root, 'node_modules/.bin/changeset'), ['version'], { cwd: copy })
    const after = await versions(copy)

    expect(new Set(Object.values(before)).size, 'all packages share a version').toBe(1)
    const [major = 0, minor = 0] = Object.values(before)[0]?.split('.').map(Number) ?? []
    for (const [name, version] of Object.entries(after)) expect(version, name).toBe(`${major}.${minor + 1}.0`)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}, 60_000)

/** The version of each package that is published. */
async function versions(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(join(folder, 'packages'))) {
    const manifest = JSON.parse(await readFile(join(folder, 'packages', name, 'package.json'), 'utf8'))
    found[manifest.name] = manifest.version
  }
  return found
}
