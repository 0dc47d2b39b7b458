import { readdirSync } from 'node:fs'
import { packages, reportApi } from './api-report.ts'

for (const name of readdirSync(packages)) {
  if (reportApi(name, true)) console.log(`packages/${name}/${name}.api.md is changed`)
}
