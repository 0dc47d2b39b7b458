import { expect, test } from 'vitest'
import { reportApis } from '../src/api-report.ts'

test('what each package offers is what its report says; `npm run api` writes it', () => {
  expect(reportApis(false)).toEqual([])
}, 60_000)
