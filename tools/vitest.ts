import type { ViteUserConfig } from 'vitest/config'
import { defineConfig } from 'vitest/config'

/** How every package is tested: against the unbuilt sources of its siblings, with a report that `npm test` counts. */
export const tests: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions: ['@rpcx/source', 'node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/tests.json' }]],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
