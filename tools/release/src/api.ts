import { reportApis } from './api-report.ts'

for (const name of reportApis(true)) console.log(`packages/${name}/${name}.api.md is changed`)
