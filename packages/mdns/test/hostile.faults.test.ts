import { test } from 'vitest'
import { withstand } from './hostile.ts'

test('a million mutated packets change nothing', () => withstand(1_000_000), 600_000)
