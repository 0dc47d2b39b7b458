import { argv } from 'node:process'
import { writeBackend } from './backend.ts'

const [name = ''] = argv.slice(2)
const folder = await writeBackend(name, new URL('../../../packages/', import.meta.url))
console.log(`${folder} is there. Next:

  npx pnpm install
  cd ${folder}
  npx vitest run --bail 1      # the next law that fails; again and again, until all pass

Write \`src/driver.ts\`; ARCHITECTURE.md says what core does for you.`)
