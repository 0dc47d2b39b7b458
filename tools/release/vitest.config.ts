import type { ViteUserConfigFnObject } from 'vitest/config'
import { mergeConfig } from 'vitest/config'
import { tests } from '../vitest.ts'

const config: ViteUserConfigFnObject = env =>
  mergeConfig(tests(env), {
    // All tests use the same release.
    test: { globalSetup: env.mode === 'release' ? ['test/setup.ts'] : [] },
  })

export default config
