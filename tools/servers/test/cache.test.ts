import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cached, forgetFailures } from '../src/cache.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rpcx-cache-test-'))
})
afterEach(() => rm(root, { recursive: true }))

test('A folder is produced once for all callers, concurrent and later ones', async () => {
  let produced = 0
  const produce = async (into: string) => {
    produced++
    await writeFile(join(into, 'file'), '')
  }
  const folders = await Promise.all([1, 2, 3, 4].map(() => cached('name', produce, root)))
  const [folder] = folders as [string]
  expect(new Set(folders).size).toBe(1)
  expect(await cached('name', produce, root)).toBe(folder)
  expect(produced).toBe(1)
  expect(existsSync(join(folder, 'file'))).toBe(true)
  expect(await readdir(root)).toHaveLength(1)
})

test('A failure leaves no folder, and is not repeated until the cache is told to forget it', async () => {
  let attempts = 0
  const fail = async () => {
    attempts++
    throw new Error('no network')
  }
  await expect(cached('name', fail, root)).rejects.toThrow('no network')
  await expect(cached('name', fail, root)).rejects.toThrow('no network')
  expect(attempts).toBe(1)
  await forgetFailures(root)
  const folder = await cached('name', async () => {}, root)
  expect(await readdir(folder)).toEqual([])
})

test('A lock of a dead process is taken over', async () => {
  const lock = join(root, `name-${process.platform}-${process.arch}.lock`)
  await mkdir(lock)
  await utimes(lock, 0, 0)
  await cached('name', async () => {}, root)
  expect(existsSync(lock)).toBe(false)
})
