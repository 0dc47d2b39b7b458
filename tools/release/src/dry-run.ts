import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Registry } from './registry.ts'
import { run } from './run.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A released package. */
export interface Released {
  readonly name: string
  readonly version: string
  /** The changelog of this version. */
  readonly changes: string
}

/**
 * A copy of this work tree that was taken through all that a release is, as `.github/workflows/ci.yml` does, up to the packages in a
 * registry.
 */
export class DryRun implements AsyncDisposable {
  readonly folder: string
  readonly packages: readonly Released[]
  /** The files of the bills of materials. */
  readonly bills: readonly string[]

  private constructor(folder: string, packages: readonly Released[], bills: readonly string[]) {
    this.folder = folder
    this.packages = packages
    this.bills = bills
  }

  static async into(registry: Registry): Promise<DryRun> {
    const folder = await mkdtemp(join(tmpdir(), 'rpcx-release-'))
    try {
      await release(folder, registry)
      const bills = await readdir(join(folder, 'sbom'))
      return new DryRun(
        folder,
        await released(folder),
        bills.map(name => join(folder, 'sbom', name)),
      )
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

async function release(copy: string, { env }: Registry): Promise<void> {
  const list = await run(['git', 'ls-files', '-co', '--exclude-standard'], { cwd: root })
  // A file that is deleted is listed until that is committed.
  const files = list
    .trim()
    .split('\n')
    .filter(file => existsSync(join(root, file)))
  for (const file of files) await cp(join(root, file), join(copy, file))
  await commit(copy)
  const { packageManager } = await manifest(copy)
  const pnpm = ['npx', '--yes', packageManager as string]
  await run([...pnpm, 'install', '--frozen-lockfile', '--prefer-offline'], { cwd: copy })
  await run([...pnpm, 'run', 'release:version'], { cwd: copy })
  await withoutProvenance(copy)
  await run([...pnpm, 'run', 'release:publish'], { cwd: copy, env })
}

/** Changesets reads the dates of changes from git, and tags releases. */
async function commit(copy: string): Promise<void> {
  const git = ['git', '-c', 'user.name=release', '-c', 'user.email=release@localhost']
  await run(['git', 'init', '--quiet', '--initial-branch=main'], { cwd: copy })
  await run(['git', 'add', '--all'], { cwd: copy })
  await run([...git, 'commit', '--quiet', '--message=Release'], { cwd: copy })
}

/** Provenance exists only for packages that a public CI builds. */
async function withoutProvenance(copy: string): Promise<void> {
  for (const folder of await packages(copy)) {
    const all = await manifest(folder)
    const publishConfig = { ...(all.publishConfig as object), provenance: false }
    await writeFile(join(folder, 'package.json'), JSON.stringify({ ...all, publishConfig }))
  }
}

async function released(copy: string): Promise<Released[]> {
  const all = []
  for (const folder of await packages(copy)) {
    const { name, version } = (await manifest(folder)) as { name: string; version: string }
    const log = await readFile(join(folder, 'CHANGELOG.md'), 'utf8').catch(() => '')
    const [, changes = ''] = log.split(/^## .*$/m)
    all.push({ name, version, changes: changes.trim() })
  }
  return all
}

async function packages(copy: string): Promise<string[]> {
  return (await readdir(join(copy, 'packages'))).map(name => join(copy, 'packages', name))
}

async function manifest(folder: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
}
