import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const shared = fileURLToPath(new URL('../../../node_modules/.cache/rpcx-servers', import.meta.url))

/**
 * Resolves to the cached folder of that name, made by `produce` when there is none. Only one process produces at
 * a time, the others wait for it, for at most ten minutes; a failure is remembered for ten minutes, so that the
 * next test files do not repeat it. `root` is node_modules/.cache/rpcx-servers of the workspace unless given.
 */
export async function cached(
  name: string,
  produce: (into: string) => Promise<void>,
  root: string = shared,
): Promise<string> {
  const folder = join(root, `${name}-${process.platform}-${process.arch}`)
  if (existsSync(folder)) return folder
  await mkdir(root, { recursive: true })
  const release = await lock(`${folder}.lock`)
  try {
    if (!existsSync(folder)) await fill(folder, produce)
  } finally {
    await release()
  }
  return folder
}

/** Lets the next `cached` try again what has failed before. */
export async function forgetFailures(root: string = shared): Promise<void> {
  const names = await readdir(root).catch(() => [])
  for (const name of names) if (name.endsWith('.failed')) await rm(join(root, name), { force: true })
}

async function fill(folder: string, produce: (into: string) => Promise<void>): Promise<void> {
  const failure = `${folder}.failed`
  if ((await ageMs(failure)) < 600_000) throw new Error(await readFile(failure, 'utf8'))
  const partial = `${folder}.partial-${process.pid}`
  try {
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial)
    await produce(partial)
    await rename(partial, folder)
  } catch (error) {
    // Someone whose lock was taken for dead may have been first; what it made is as good.
    if (existsSync(folder)) return
    await writeFile(failure, (error as Error).message)
    throw error
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/** Takes the lock. It only saves work: the rename above keeps the cache whole even when two hold it. */
async function lock(path: string): Promise<() => Promise<void>> {
  const end = performance.now() + 600_000
  while (!(await made(path))) {
    if ((await ageMs(path)) > 30_000) await rmdir(path).catch(() => {})
    else if (performance.now() > end) throw new Error(`${path} is held by someone for ten minutes`)
    else await sleep(100)
  }
  const alive = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), 5_000)
  return async () => {
    clearInterval(alive)
    await rmdir(path).catch(() => {})
  }
}

async function made(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch {
    // Not there, or no longer: as old as can be, and removing it does nothing.
    return Number.POSITIVE_INFINITY
  }
}
