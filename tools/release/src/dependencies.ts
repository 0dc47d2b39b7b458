import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'

/** A published package, with everything that its users install with it. */
export interface Published {
  readonly manifest: Manifest
  /** Its direct dependencies, including other packages of this repository. */
  readonly direct: readonly Dependency[]
  /** The direct dependencies and all of theirs, each once. */
  readonly all: readonly Dependency[]
}

/** A package at run time, in the version that the lock file names. */
export interface Dependency {
  readonly manifest: Manifest
  /** The hash of its tarball in the lock file, such as `sha512-…`. A package of this repository has none yet. */
  readonly integrity?: string
  readonly dependencies: Dependency[]
}

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly license?: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

interface LockFile {
  readonly importers: Readonly<Record<string, Asked<{ readonly version: string }>>>
  readonly packages: Readonly<Record<string, { readonly resolution: { readonly integrity: string } }>>
  readonly snapshots: Readonly<Record<string, Asked<string>>>
}

interface Asked<T> {
  readonly devDependencies?: Readonly<Record<string, T>>
  readonly dependencies?: Readonly<Record<string, T>>
  readonly optionalDependencies?: Readonly<Record<string, T>>
}

/** Reads the run-time dependencies of each published package: which ones from the lock file, the rest from what is installed. */
export function publishedPackages(root: string): Published[] {
  const lock: LockFile = parse(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8'))
  const known = new Map<string, Dependency>()
  return readdirSync(join(root, 'packages')).map(name => {
    const folder = join(root, 'packages', name)
    const manifest = manifestIn(folder)
    const { dependencies, devDependencies, optionalDependencies } = lock.importers[`packages/${name}`] ?? {}
    const inside = Object.entries(devDependencies ?? {}).filter(([dependency]) => BUILT_IN.has(dependency))
    // Users install other peers themselves.
    const ours = Object.keys(manifest.peerDependencies ?? {})
      .filter(peer => peer.startsWith('@rpcx/'))
      .map(peer => ({ manifest: manifestIn(installed(peer, folder)), dependencies: [] }))
    const theirs = [...Object.entries({ ...dependencies, ...optionalDependencies }), ...inside].map(
      ([dependency, { version }]) => resolve(lock, known, dependency, version, folder),
    )
    const direct = [...ours, ...theirs]
    return { manifest, direct, all: closure(direct) }
  })
}

/** Dependencies that are bundled into our packages, so that nobody installs them. */
const BUILT_IN: ReadonlySet<string> = new Set(['etcd3'])

/** Finds a dependency of the package in a folder. @throws Error when another version is installed than the lock file names */
function resolve(
  lock: LockFile,
  known: Map<string, Dependency>,
  name: string,
  locked: string,
  from: string,
): Dependency {
  // The lock file has the real name of an alias, and appends peers to versions.
  const key = locked in lock.snapshots ? locked : `${name}@${locked}`
  const existing = known.get(key)
  if (existing !== undefined) return existing
  const folder = installed(name, from)
  const manifest = manifestIn(folder)
  const id = `${manifest.name}@${manifest.version}`
  if (!`${key}(`.startsWith(`${id}(`)) throw new Error(`${id} is installed where the lock file says ${key}`)
  const integrity = lock.packages[id]?.resolution.integrity ?? ''
  const dependency: Dependency = { manifest, integrity, dependencies: [] }
  // Added before its dependencies are read, because packages may depend on each other.
  known.set(key, dependency)
  const { dependencies, optionalDependencies } = lock.snapshots[key] ?? {}
  for (const [next, version] of Object.entries({ ...dependencies, ...optionalDependencies })) {
    dependency.dependencies.push(resolve(lock, known, next, version, folder))
  }
  return dependency
}

function closure(direct: readonly Dependency[]): Dependency[] {
  const found = new Set(direct)
  for (const dependency of found) for (const next of dependency.dependencies) found.add(next)
  return [...found]
}

/** Returns the folder in which Node finds a package that the one in this folder imports. */
function installed(name: string, from: string): string {
  for (let folder = realpathSync(from); ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(found)) return realpathSync(found)
    if (folder === dirname(folder)) throw new Error(`${name} is not installed for ${from}`)
  }
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
