import type { ViteUserConfigFnObject } from 'vitest/config'
import { mergeConfig } from 'vitest/config'
import { tests } from '../vitest.ts'

const config: ViteUserConfigFnObject = env =>
  mergeConfig(tests(env), {
    // What is proven of a release is proven of one and the same.
    test: { globalSetup: env.mode === 'release' ? ['test/setup.ts'] : [] },
  })

export default config
