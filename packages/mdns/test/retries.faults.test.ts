import { Program } from '@rpcx/testing'
import { leavesNothingBehind } from '@rpcx/testing/scenarios'
import { test } from 'vitest'

test('Four thousand retries without a network leak no memory', () =>
  leavesNothingBehind(new Program(new URL('./programs/retries.ts', import.meta.url), {})))
