import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { run } from '../src/run.ts'
import { nodeBinary, nodes } from './consumer.ts'

// Each version of Node has its own TLS. How it treats resumed sessions and broken records has changed more than once.

const core = fileURLToPath(new URL('../../../packages/core', import.meta.url))
const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))

test.each(nodes)('core keeps its promises about TLS on Node %s', async node => {
  const files = [
    'test/server/tls.test.ts',
    'test/server/tls-resumption.test.ts',
    'test/client/tls-tampering.test.ts',
  ]
  const told = await run([await nodeBinary(node), vitest, 'run', '--reporter=default', ...files], {
    cwd: core,
    env: { ...process.env, NO_COLOR: '1' },
  })
  expect(told).toMatch(/Tests .*\d+ passed/)
  expect(told).not.toMatch(/\d+ (failed|skipped)/)
})
