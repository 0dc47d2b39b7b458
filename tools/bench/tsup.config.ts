import type { Options } from 'tsup'

// Built, as users run it. A loader that keeps the names of functions would slow down every closure.
const bench: Options = {
  entry: [
    'main',
    'server',
    'client',
    'idle-clients',
    'caller',
    'cluster-server',
    'cluster-client',
    'hot-path',
  ].map(name => `src/${name}.ts`),
  format: 'esm',
  target: 'node20',
  clean: true,
}

export default bench
