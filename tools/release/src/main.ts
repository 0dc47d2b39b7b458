import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { DryRun } from './dry-run.ts'
import { Registry } from './registry.ts'

await using registry = await Registry.start()
console.log(`A release into ${registry.url}, of this work tree as it is. Nothing leaves this machine.`)
await using release = await DryRun.into(registry)
for (const { name, version, changes } of release.packages) {
  console.log(`\n${name} ${version}\n${changes.replaceAll(/^/gm, '    ')}`)
}
console.log('\nBills of materials, which the release uploads:')
for (const file of release.bills) {
  const { components } = JSON.parse(await readFile(file, 'utf8'))
  console.log(`    ${basename(file)}: ${components?.length ?? 0} dependencies`)
}
