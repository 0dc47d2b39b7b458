import type { ViteUserConfigFnObject } from 'vitest/config'
import { defineConfig } from 'vitest/config'

/**
 * How every package is tested: against the unbuilt sources of its siblings, with a report that `npm test` counts. Another mode runs
 * other files: `faults`, the long tests, `*.faults.test.ts`; `release`, what users install, `*.release.test.ts`.
 */
export const tests: ViteUserConfigFnObject = defineConfig(({ mode }) => ({
  ssr: { resolve: { conditions: ['@rpcx/source', 'node'] } },
  test: {
    include: mode === 'test' ? ['test/**/*.test.ts'] : [`test/**/*.${mode}.test.ts`],
    exclude: mode === 'test' ? ['**/*.{faults,release}.test.ts'] : [],
    passWithNoTests: false,
    reporters: ['default', ['json', { outputFile: `reports/${mode}.json` }]],
    // Only for tests that hang, because a slow machine may take long.
    testTimeout: mode === 'test' ? 60_000 : 120_000,
    hookTimeout: 60_000,
    // Tests run concurrently, because most of them wait most of the time. Load tests run one after the other. Files share a process, because
    // a process takes longer to start than most files to run. Each test closes what it opened.
    ...(mode === 'test' && { maxWorkers: 2, maxConcurrency: 15, isolate: false }),
  },
}))
