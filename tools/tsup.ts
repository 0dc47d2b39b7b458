import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

/**
 * A backend asks core whether it fits before it takes anything out of it. By names that are imported, Node would refuse first, with
 * a SyntaxError about one that an older core has not; by a namespace, what is missing is `undefined`.
 */
const askCore: Plugin = {
  name: 'ask-core',
  async setup(build) {
    const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'))
    if (name === '@rpcx/core') return
    const core = new URL('../packages/core/dist/index.js', import.meta.url)
    build.onResolve({ filter: /^@rpcx\/core$/ }, ({ namespace }) =>
      namespace === 'core' ? { path: '@rpcx/core', external: true } : { path: 'core', namespace: 'core' },
    )
    build.onLoad({ filter: /./, namespace: 'core' }, async () => ({
      contents: [
        "import * as core from '@rpcx/core'",
        `core.checkCore(${JSON.stringify(name)}, ${JSON.stringify(version)})`,
        ...Object.keys(await import(core.href)).map(name => `export const ${name} = core.${name}`),
      ].join('\n'),
    }))
  },
}

interface Parts {
  readonly plugins?: readonly Plugin[]
  /** The names of dependencies that are bundled, unless a plugin excludes them. */
  readonly inside?: readonly RegExp[]
}

/**
 * How every published package is built: an ECMAScript module with source maps, the same as CommonJS for tools that load nothing else,
 * and one file of types for both.
 */
export function library({ plugins = [], inside = [] }: Parts = {}): Options[] {
  // tsup would clear the folder for each format, and delete the output of the other one.
  rmSync('dist', { recursive: true, force: true })
  const common: Options = {
    entry: ['src/index.ts'],
    target: 'node20',
    removeNodeProtocol: false,
    // Published code reads like its source in a stack trace.
    minify: false,
    // Everything that plugins must see.
    noExternal: ['@rpcx/core', ...inside],
    esbuildPlugins: [askCore, ...plugins],
  }
  return [
    { ...common, format: 'esm', sourcemap: true, onSuccess: finish },
    // Debuggers use the map of the ECMAScript module, because a second map would be as large as everything else.
    { ...common, format: 'cjs', dts: true, esbuildOptions: knowPlace },
  ]
}

/** Only an ECMAScript module has `import.meta`. */
const knowPlace: NonNullable<Options['esbuildOptions']> = options => {
  options.define = { ...options.define, 'import.meta.url': 'moduleUrl' }
  options.banner = { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href" }
}

async function finish(): Promise<void> {
  // esbuild escapes strings, but keeps comments. With one character beyond Latin-1, V8 keeps the file with two bytes for each character.
  const [odd] = readFileSync('dist/index.js', 'utf8').match(/.*[^\0-\xff].*/) ?? []
  if (odd !== undefined)
    throw new Error(`dist/index.js: write this comment with characters of Latin-1: ${odd}`)
  // Of two declarations of a class, TypeScript would take neither for the other.
  writeFileSync('dist/index.d.ts', "export * from './index.cjs'\n")
  // pnpm puts the root's licence into each tarball by itself, npm does not.
  copyFileSync(new URL('../LICENSE', import.meta.url), 'LICENSE')
}
