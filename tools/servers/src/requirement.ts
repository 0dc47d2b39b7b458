import { available, type Kind } from './binaries.ts'

/**
 * Resolves to whether tests that need such a server can run: `describe.runIf(await requireServer('etcd'))`.
 * In CI (the variable CI is set) rejects instead of resolving to false; elsewhere says on standard error why the
 * tests are skipped.
 */
export async function requireServer(kind: Kind): Promise<boolean> {
  const found = await available(kind)
  if (found.from !== 'nowhere') return true
  if (process.env.CI) throw new Error(found.reason)
  process.stderr.write(`\nSKIPPED, ${found.reason}\n`)
  return false
}
