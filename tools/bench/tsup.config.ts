import type { Options } from 'tsup'

// Built, as users run it: a loader that keeps the names of functions would slow every closure down.
const bench: Options = {
  entry: [
    'src/main.ts',
    'src/ours-server.ts',
    'src/ours-client.ts',
    'src/floor-server.ts',
    'src/floor-client.ts',
    'src/picks.ts',
  ],
  format: 'esm',
  target: 'node20',
  clean: true,
}

export default bench
