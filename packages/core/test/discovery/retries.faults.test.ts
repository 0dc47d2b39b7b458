import { test } from 'vitest'
import { Program } from '../../../../tools/testing/src/program.ts'
import { leavesNothingBehind } from '../../../../tools/testing/src/scenarios/index.ts'

test('Four thousand retries without a name server leak no memory', () =>
  leavesNothingBehind(new Program(new URL('../programs/dns-retries.ts', import.meta.url), {})))
