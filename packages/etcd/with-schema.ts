import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Options } from 'tsup'

/**
 * `etcd3` reads its schema from a file beside its code when it is imported. Where a program is bundled into one file, there is none. So its
 * code is built into ours, with the schema as an object.
 */
export const withSchema: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'with-schema',
  setup(build) {
    build.onResolve({ filter: /^@grpc\/|^(bignumber\.js|cockatiel|events)$/ }, ({ kind, path }) =>
      // What it requires is imported: in an ECMAScript module there is no `require`.
      kind === 'require-call' ? { path, namespace: 'outside' } : { path, external: true },
    )
    build.onLoad({ filter: /./, namespace: 'outside' }, ({ path }) => ({
      contents: `export * from '${path}'${path === 'bignumber.js' ? `; export { default } from '${path}'` : ''}`,
    }))
    build.onLoad({ filter: /etcd3\/lib\/[\w-]+\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      // Its maps lead to sources that it does not bring.
      const code = text.replace(/^\/\/# sourceMappingURL=.*/m, '')
      return {
        contents: path.endsWith('connection-pool.js') ? await patched(code, join(path, '../..')) : code,
      }
    })
  },
}

async function patched(code: string, library: string): Promise<string> {
  const loaded = `proto_loader_1.fromJSON)(${await schema(library)}, `
  const contents = code.replace(LOADING, () => loaded)
  if (contents === code) throw new Error('etcd3 reads its schema in another way than it did')
  const license = await readFile(join(library, 'LICENSE'), 'utf8')
  return `/*! etcd3 is a part of this file:\n\n${license}*/\n${contents}`
}

const LOADING = /proto_loader_1\.loadSync\)\(`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`, /

/** By the reader of files that `etcd3` has, which nobody else here asks for by name. */
async function schema(library: string): Promise<string> {
  const loader = createRequire(join(library, 'package.json')).resolve('@grpc/proto-loader')
  const protobuf = createRequire(loader)('protobufjs')
  const root = new protobuf.Root()
  root.loadSync(join(library, 'proto/rpc.proto'), { keepCase: true })
  return JSON.stringify(root.toJSON())
}
