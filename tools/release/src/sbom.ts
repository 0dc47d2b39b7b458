// Writes the bill of materials of each published package into `sbom/`.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { billOfMaterials } from './bill.ts'
import { publishedPackages } from './dependencies.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = join(root, 'sbom')

// Bills of an earlier version would be uploaded, too.
await rm(folder, { recursive: true, force: true })
await mkdir(folder)
for (const published of publishedPackages(root)) {
  const { name, version } = published.manifest
  const file = `${name.replace('@', '').replace('/', '-')}-${version}.cdx.json`
  await writeFile(join(folder, file), billOfMaterials(published))
}
