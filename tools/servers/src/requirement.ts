import { available } from './binaries.ts'
import type { Kind } from './kind.ts'
import { chromium } from './tool.ts'

/**
 * Resolves to whether tests that need such a server can run: `describe.runIf(await requireServer('etcd'))`.
 * In CI (the variable CI is set) rejects instead of resolving to false; elsewhere says on standard error why the
 * tests are skipped.
 */
export async function requireServer(kind: Kind): Promise<boolean> {
  const found = await available(kind)
  return found.from === 'nowhere' ? missing(found.reason) : true
}

/** As `requireServer`, for clusters: their members must be processes of this machine. */
export async function requireCluster(kind: Kind): Promise<boolean> {
  const { from } = await available(kind)
  if (kind === 'consul' && process.platform !== 'linux') return missing('no cluster of consul: not on Linux')
  if (from === 'path' || from === 'cache') return true
  return (await requireServer(kind)) && missing(`no cluster of ${kind}: it comes from ${from}`)
}

/** As `requireServer`, for a browser. */
export async function requireBrowser(): Promise<boolean> {
  try {
    await chromium()
    return true
  } catch (error) {
    return missing(`there is no Chromium here: ${(error as Error).message}`)
  }
}

function missing(reason: string): boolean {
  if (process.env.CI) throw new Error(reason)
  process.stderr.write(`\nSKIPPED, ${reason}\n`)
  return false
}
