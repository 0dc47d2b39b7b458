import type { Options } from 'tsup'

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
}
