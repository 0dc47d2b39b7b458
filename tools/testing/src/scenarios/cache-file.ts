import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A path for a cache file, in its own folder, which disposal removes. */
export async function cacheFile(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'rpcx-cache-'))
  return {
    path: join(folder, 'lists.json'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
