// After `changeset version`: writes the new version where changesets do not.
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'

const root = new URL('../../../', import.meta.url)
const { version } = JSON.parse(await readFile(new URL('packages/core/package.json', root), 'utf8'))
const [major] = version.split('.')

await edit('packages/core/src/version.ts', text => text.replace(/'.*'/, `'${version}'`))
// All packages are released together: a backend may use whatever the core of its own version has.
for (const name of await readdir(new URL('packages', root))) {
  await edit(`packages/${name}/package.json`, text =>
    text.replace(/("@rpcx\/core": )">=.*"/, `$1">=${version} <${Number(major) + 1}"`),
  )
}
for (const name of await readdir(new URL('examples', root))) {
  await edit(`examples/${name}/package.json`, text => text.replace(/("@rpcx\/.*": )".*"/g, `$1"^${version}"`))
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const file = new URL(path, root)
  if (existsSync(file)) await writeFile(file, change(await readFile(file, 'utf8')))
}
