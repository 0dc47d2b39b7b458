import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { packages, reportApi } from '../src/api-report.ts'

test.each(readdirSync(packages))('what %s offers is what its report says; `npm run api` writes it', name => {
  expect(reportApi(name, false)).toBe(false)
})
