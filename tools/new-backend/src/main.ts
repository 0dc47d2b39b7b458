import { existsSync, readFileSync } from 'node:fs'
import { isBackendName, writeBackend } from './backend.ts'

const root = new URL('../../../', import.meta.url)
const packages = new URL('packages/', root)
const [name, ...others] = process.argv.slice(2)
const isName = name !== undefined && others.length === 0 && isBackendName(name)
if (!isName || existsSync(new URL(name, packages))) {
  if (isName) console.error(`packages/${name} exists`)
  else if (name !== undefined) console.error(`${[name, ...others].join(' ')} is not a name for a backend`)
  console.error(
    'usage: npm run new-backend -- <name>, in small letters, digits and hyphens, such as wall-board',
  )
  process.exit(2)
}
const folder = await writeBackend(name, packages)
const { packageManager } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
console.log(`${folder} is there. Next:

  npx ${packageManager} install      # adds the package to pnpm-lock.yaml; until then, all npm scripts of the repository fail
  cd ${folder}
  npx vitest run --bail 1      # the next law that fails; again and again, until all pass

Write \`src/driver.ts\`. "The contract of a backend" in CONTRIBUTING.md says what core asks of it.`)
