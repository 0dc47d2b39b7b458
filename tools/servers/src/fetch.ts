import { available } from './binaries.ts'
import { forgetFailures } from './cache.ts'
import { type Availability, kinds } from './kind.ts'

// Downloads every server before the tests, so that no test waits for a download.
await forgetFailures()
for (const kind of kinds) {
  const startedAt = performance.now()
  const found = await available(kind)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  if (found.from === 'nowhere') process.exitCode = 1
  console.log(`${kind.padEnd(10)} ${found.from.padEnd(12)} ${seconds.padStart(5)} s  ${origin(found)}`)
}

function origin(found: Availability): string {
  if (found.from === 'nowhere') return found.reason
  if (found.from === 'environment') return found.address
  return found.from === 'docker' ? found.image : found.command[0]
}
