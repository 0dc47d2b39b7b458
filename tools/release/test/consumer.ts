import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { cached } from '@rpcx/servers'
import { Terminal } from '@rpcx/testing'
import { inject } from 'vitest'
import { run } from '../src/run.ts'

/** The supported versions of Node. */
export const nodes: readonly string[] = ['20.19.0', '22.12.0', '24.21.0']

/** The folder of a user outside of this repository, who installs the released packages. */
export class Consumer implements AsyncDisposable {
  readonly folder: string
  readonly #node: string
  readonly #env: NodeJS.ProcessEnv

  private constructor(folder: string, node: string) {
    this.folder = folder
    this.#node = node
    this.#env = {
      ...inject('registry').env,
      PATH: [dirname(node), process.env.PATH].join(delimiter),
      FORCE_COLOR: '0',
      YARN_NPM_REGISTRY_SERVER: inject('registry').url,
      YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
      YARN_NODE_LINKER: 'node-modules',
      // By default, its cache has the name and version of a package as key, whatever the contents are.
      YARN_GLOBAL_FOLDER: join(folder, '.yarn'),
      YARN_ENABLE_TELEMETRY: '0',
      // Otherwise Deno looks for a newer version.
      DENO_NO_UPDATE_CHECK: '1',
      // The released packages are only seconds old.
      YARN_NPM_MINIMAL_AGE_GATE: '0',
    }
  }

  /** An empty folder. @param node the version of Node that it uses; the one that runs this unless given */
  static async empty(node?: string): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), 'rpcx-consumer-'))
    return new Consumer(folder, node === undefined ? process.execPath : await nodeBinary(node))
  }

  /** Copies an example into it. */
  async copy(example: string): Promise<void> {
    await cp(join(inject('release').folder, 'examples', example), this.folder, { recursive: true })
  }

  async write(file: string, text: string): Promise<void> {
    const path = join(this.folder, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }

  async pnpm(...args: readonly string[]): Promise<string> {
    return this.node(await tool('pnpm@10.34.9', 'bin/pnpm.cjs'), ...args)
  }

  async yarn(...args: readonly string[]): Promise<string> {
    return this.node(await tool('@yarnpkg/cli-dist@4.18.1', 'bin/yarn.js'), ...args)
  }

  npm(...args: readonly string[]): Promise<string> {
    return this.run(['npm', ...args])
  }

  /** Runs a program to its end. */
  node(...args: readonly string[]): Promise<string> {
    return this.run([this.#node, ...args])
  }

  /** Runs a command to its end, in a subfolder. @param env further variables */
  run(command: readonly string[], env: NodeJS.ProcessEnv = {}, folder = '.'): Promise<string> {
    return run(command, { cwd: join(this.folder, folder), env: { ...this.#env, ...env } })
  }

  /** Runs a program in TypeScript that goes on. */
  start(file: string, ...args: readonly string[]): Terminal {
    return new Terminal([this.#node, '--import', 'tsx', file, ...args], { cwd: this.folder, env: this.#env })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Resolves to the path of that version of Node, installed from npm. */
export async function nodeBinary(version: string): Promise<string> {
  return tool(`node-${process.platform}-${process.arch}@${version}`, 'bin/node')
}

/** Resolves to a file of a package from npm, and caches it. */
export async function tool(specifier: string, file: string): Promise<string> {
  const at = specifier.lastIndexOf('@')
  const folder = await cached(specifier.replaceAll('/', '-'), async into => {
    await run(['npm', 'install', '--no-save', '--prefix', into, specifier], { cwd: into })
  })
  return join(folder, 'node_modules', specifier.slice(0, at), file)
}
