import { expect, test } from 'vitest'
import { reportApis } from '../src/api-report.ts'

test('the exports of each package equal its report; update it with `npm run api`', () => {
  expect(reportApis(false)).toEqual([])
}, 60_000)
