import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { onPath, run } from './command.ts'

export interface UnpackOptions {
  /** A release other than that of the machine. */
  readonly suite?: string
  /** Whether to unpack their dependencies, too, unless the machine has them. @default false */
  readonly dependencies?: boolean
}

/**
 * Downloads Debian packages and unpacks them into a folder, installing nothing. Uses the machine's package source and its
 * keys but own lists, so that neither root nor an earlier `apt-get update` is needed. Rejects with apt's words.
 */
export async function unpackDebianPackages(
  packages: readonly string[],
  into: string,
  { suite, dependencies = false }: UnpackOptions = {},
): Promise<void> {
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if (!(await onPath(tool))) throw new Error(`no ${tool} to fetch ${packages.join(', ')} with`)
  }
  const work = await mkdtemp(join(tmpdir(), 'rpcx-apt-'))
  try {
    const configuration = await writeConfiguration(work, suite)
    await run('apt-get', ['-c', configuration, '-qq', 'update'], { timeoutMs: 120_000 })
    const named = await Promise.all(packages.map(name => concrete(name, configuration)))
    const names = dependencies ? await missing(named, configuration) : named
    await run('apt-get', ['-c', configuration, '-qq', 'download', ...names], {
      timeoutMs: 240_000,
      cwd: work,
    })
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', join(work, file), into], { timeoutMs: 60_000 })
    }
    await relink(into)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Replaces a package without files of its own by its first dependency. */
async function concrete(name: string, configuration: string): Promise<string> {
  if (!name.startsWith('default-')) return name
  const text = await run('apt-cache', ['-c', configuration, 'depends', name])
  return /Depends: (\S+)/.exec(text)?.[1] ?? name
}

/** Resolves to the packages that these packages need here, including themselves. */
async function missing(packages: readonly string[], configuration: string): Promise<string[]> {
  const arguments_ = ['-c', configuration, '--simulate', '--no-install-recommends', 'install', ...packages]
  const text = await run('apt-get', arguments_, { timeoutMs: 60_000 })
  return [...text.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name as string)
}

async function writeConfiguration(work: string, suite: string | undefined): Promise<string> {
  const source = await packageSource(suite)
  const list = join(work, `source.${source.format}`)
  await writeFile(list, `${source.text}\n`)
  await mkdir(join(work, 'lists/partial'), { recursive: true })
  await mkdir(join(work, 'cache/archives/partial'), { recursive: true })
  const file = join(work, 'apt.conf')
  const lines = [
    `Dir::Etc::SourceList "${list}";`,
    'Dir::Etc::SourceParts "/dev/null";',
    `Dir::State::Lists "${join(work, 'lists')}";`,
    `Dir::Cache "${join(work, 'cache')}";`,
    // The hooks of the system work on the system's own lists.
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    'APT::Update::Error-Mode "any";',
    'Acquire::Languages "none";',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
    'Acquire::Retries "1";',
    'Acquire::http::Timeout "20";',
    'Acquire::https::Timeout "20";',
    // When root runs apt, it changes to a user that must not write here.
    'APT::Sandbox::User "root";',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

interface PackageSource {
  readonly format: 'list' | 'sources'
  readonly text: string
}

/** Returns the machine's entry for its release, with another suite if one is wanted. */
async function packageSource(wanted: string | undefined): Promise<PackageSource> {
  const release = /^VERSION_CODENAME=(\S+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  const parts = await readdir('/etc/apt/sources.list.d').catch(() => [])
  const files = ['/etc/apt/sources.list', ...parts.map(name => join('/etc/apt/sources.list.d', name))]
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const entries = file.endsWith('.sources') ? stanzas(text) : file.endsWith('.list') ? lines(text) : []
    const own = entries.find(
      entry => entry.suites.includes(release ?? '') && entry.components.includes('main'),
    )
    if (own) return own.withSuite(wanted ?? (release as string))
  }
  throw new Error(`no package source for ${release ?? 'this system'} in /etc/apt`)
}

interface Entry {
  readonly suites: readonly string[]
  readonly components: readonly string[]
  withSuite(suite: string): PackageSource
}

function stanzas(text: string): Entry[] {
  const enabled = text.split(/\n\s*\n/).filter(stanza => !/^Enabled:\s*no/im.test(stanza))
  return enabled.map(stanza => ({
    suites: words(/^Suites:(.*)$/im.exec(stanza)?.[1]),
    components: words(/^Components:(.*)$/im.exec(stanza)?.[1]),
    withSuite: suite => ({
      format: 'sources',
      text: stanza.replace(/^Suites:.*$/im, `Suites: ${suite}`).replace(/^Types:.*$/im, 'Types: deb'),
    }),
  }))
}

function lines(text: string): Entry[] {
  const entries = [...text.matchAll(/^\s*deb\s+((?:\[[^\]]*\]\s+)?\S+)\s+(\S+)\s+([^#\n]*)/gm)]
  return entries.map(([, place, suite, components]) => ({
    suites: words(suite),
    components: words(components),
    withSuite: wanted => ({ format: 'list', text: `deb ${place} ${wanted} ${components}` }),
  }))
}

function words(text = ''): string[] {
  return text.trim().split(/\s+/)
}

/** Redirects links to installed paths to the unpacked files, if these exist. */
async function relink(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) continue
    const link = join(entry.parentPath, entry.name)
    const target = await readlink(link)
    if (!target.startsWith('/')) continue
    await rm(link)
    await symlink(relative(dirname(link), join(root, target)), link)
  }
}
