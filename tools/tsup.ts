import { copyFileSync, readFileSync } from 'node:fs'
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

/** How every published package is built: one ESM bundle with types and source maps. */
export const library: Options = {
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'node20',
  dts: true,
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
  // Published code reads like its source in a stack trace.
  minify: false,
  noExternal: ['@rpcx/core'],
  esbuildPlugins: [askCore],
  // pnpm puts the root's licence into each tarball by itself, npm does not.
  onSuccess: async () => copyFileSync(new URL('../LICENSE', import.meta.url), 'LICENSE'),
}
