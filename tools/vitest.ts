import type { ViteUserConfigFnObject } from 'vitest/config'
import { defineConfig } from 'vitest/config'

/**
 * How every package is tested: against the unbuilt sources of its siblings, with a report that `npm test` counts. The mode
 * `faults` runs the long tests, `*.faults.ts`, instead.
 */
export const tests: ViteUserConfigFnObject = defineConfig(({ mode }) => {
  const isFaults = mode === 'faults'
  return {
    ssr: { resolve: { conditions: ['@rpcx/source', 'node'] } },
    test: {
      include: [isFaults ? 'test/**/*.faults.ts' : 'test/**/*.test.ts'],
      passWithNoTests: false,
      reporters: ['default', ['json', { outputFile: `reports/${isFaults ? 'faults' : 'tests'}.json` }]],
      testTimeout: isFaults ? 120_000 : 20_000,
      hookTimeout: 60_000,
    },
  }
})
