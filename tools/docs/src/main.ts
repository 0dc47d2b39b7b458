import { writeFileSync } from 'node:fs'
import { withOptionTables } from './options-table.ts'
import { pages, root } from './pages.ts'
import { buildSite, site } from './site.ts'
import { Sources } from './sources.ts'

// Writes the tables of options into the guides, then builds the site.
const sources = new Sources()
for (const { path, text } of pages()) {
  const written = withOptionTables(text, sources)
  if (written === text) continue
  writeFileSync(root + path, written)
  console.log(`wrote the tables of ${path}`)
}
const warnings = await buildSite(site)
for (const warning of warnings) console.error(warning)
console.log(`open ${site}/index.html`)
process.exitCode = warnings.length > 0 ? 1 : 0
