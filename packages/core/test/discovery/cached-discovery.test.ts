import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Endpoints } from '@rpcx/core'
import { CachedDiscovery, MultipleServersDiscovery, RegistryDiscovery } from '@rpcx/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ScriptedDriver } from './scripted-driver.ts'

const addresses = (endpoints: Endpoints): string[] => endpoints.map(({ address }) => address)

const down = Promise.reject(new Error('down'))
down.catch(() => {})

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rpcx-cache-'))
  file = join(folder, 'endpoints.json')
})
afterEach(() => rm(folder, { recursive: true }))

/** Writes the lists of a discovery into the file. */
async function remember(...servers: string[]): Promise<void> {
  const inner = new MultipleServersDiscovery(servers.map(key => ({ key, value: 'weight=3' })))
  const cached = new CachedDiscovery(inner, { file })
  await cached.list('Arith')
  await cached.close()
}

/** Returns a discovery with this file, whose registry is down. */
function whileDown(): { driver: ScriptedDriver; cached: CachedDiscovery; told: string[] } {
  const driver = new ScriptedDriver()
  driver.opening = () => Promise.reject(new Error('down'))
  const cached = new CachedDiscovery(new RegistryDiscovery(driver), { file })
  const told: string[] = []
  cached.on('cacheIgnored', ({ error }) => told.push(`ignored: ${error.message}`))
  cached.on('cacheFailed', ({ error }) => told.push(`failed: ${error.message}`))
  return { driver, cached, told }
}

describe('a cached discovery', () => {
  test('returns the last list within 100 ms while its registry is down, and reports its age', async () => {
    const before = Date.now()
    await remember('tcp@127.0.0.1:1', 'tcp@127.0.0.1:2')
    const after = Date.now()
    await using cached = whileDown().cached
    const since = performance.now()
    const list = await cached.list('Arith')
    expect(performance.now() - since).toBeLessThan(3 * 100)
    expect(addresses(list)).toEqual(['tcp@127.0.0.1:1', 'tcp@127.0.0.1:2'])
    expect(list[0]?.values.get('weight')).toEqual(['3'])
    const status = cached.status('Arith')
    expect(status).toMatchObject({ state: 'stale', source: 'cache', lastError: { message: 'down' } })
    expect(status.since).toBeGreaterThanOrEqual(before)
    expect(status.since).toBeLessThanOrEqual(after)
  })

  test('replaces the cached list when the registry is up', async () => {
    await remember('tcp@127.0.0.1:1')
    const { driver, cached } = whileDown()
    const lists = cached.watch('Arith')[Symbol.asyncIterator]()
    expect(addresses((await lists.next()).value)).toEqual(['tcp@127.0.0.1:1'])
    driver.opening = async () => {}
    const watch = await driver.watch(0)
    watch.into.replace([['tcp@127.0.0.1:9', '']])
    expect(addresses((await lists.next()).value)).toEqual(['tcp@127.0.0.1:9'])
    expect(cached.status('Arith')).toMatchObject({ state: 'fresh', source: 'registry' })
    await cached.close()
    expect(await readFile(file, 'utf8')).toContain('127.0.0.1:9')
  })

  test('never returns an old list when the registry responds', async () => {
    await remember('tcp@127.0.0.1:1')
    const inner = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:2' }])
    await using cached = new CachedDiscovery(inner, { file })
    expect(addresses(await cached.list('Arith'))).toEqual(['tcp@127.0.0.1:2'])
  })

  test('keeps the lists of services that are not used this time', async () => {
    await remember('tcp@127.0.0.1:1')
    const echo = new CachedDiscovery(new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:5' }]), { file })
    await echo.list('Echo')
    await echo.close()
    await using cached = whileDown().cached
    expect(addresses(await cached.list('Arith'))).toEqual(['tcp@127.0.0.1:1'])
    expect(addresses(await cached.list('Echo'))).toEqual(['tcp@127.0.0.1:5'])
  })

  test('waits for the registry when the cached list is empty or missing', async () => {
    const { driver, cached, told } = whileDown()
    const list = cached.list('Arith')
    driver.opening = async () => {}
    const watch = await driver.watch(0)
    watch.into.replace([])
    expect(await list).toEqual([])
    await cached.close()
    expect(told).toEqual([])
  })

  test('ignores a truncated file, with an event, and writes it anew', async () => {
    await remember('tcp@127.0.0.1:1')
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, -9))
    const { driver, cached, told } = whileDown()
    driver.opening = async () => {}
    const list = cached.list('Arith')
    ;(await driver.watch(0)).into.replace([['tcp@127.0.0.1:9', '']])
    expect(addresses(await list)).toEqual(['tcp@127.0.0.1:9'])
    await cached.close()
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch('ignored: ')
    await using again = whileDown().cached
    expect(addresses(await again.list('Arith'))).toEqual(['tcp@127.0.0.1:9'])
  })

  test('ignores a file with other contents, with an event, and leaves it unchanged', async () => {
    await writeFile(file, '{"name":"my-package"}')
    const { driver, cached, told } = whileDown()
    driver.opening = async () => {}
    const list = cached.list('Arith')
    ;(await driver.watch(0)).into.replace([['tcp@127.0.0.1:9', '']])
    await list
    await cached.close()
    expect(told).toEqual([`ignored: ${file} is no cache of endpoints; it is left as it is`])
    expect(await readFile(file, 'utf8')).toBe('{"name":"my-package"}')
    expect(await readdir(folder)).toEqual(['endpoints.json'])
  })

  test('returns no entry from its file that a registry could not have listed', async () => {
    await remember('tcp@127.0.0.1:1', 'unix@/run/docker.sock', 'quic@h:1')
    const forged = JSON.stringify('tcp@h\n:1')
    await writeFile(file, (await readFile(file, 'utf8')).replace('"quic@h:1"', forged))
    await using cached = whileDown().cached
    expect(addresses(await cached.list('Arith'))).toEqual(['tcp@127.0.0.1:1'])
    const inner = new RegistryDiscovery(Object.assign(new ScriptedDriver(), { opening: () => down }))
    await using allowing = new CachedDiscovery(inner, { file, networks: ['unix'] })
    expect(addresses(await allowing.list('Arith'))).toEqual(['unix@/run/docker.sock'])
  })

  test('reports that it cannot write, and continues', async () => {
    file = join(folder, 'missing', 'endpoints.json')
    const inner = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:2' }])
    const cached = new CachedDiscovery(inner, { file })
    const failed = new Promise<Error>(resolve => cached.on('cacheFailed', ({ error }) => resolve(error)))
    expect(addresses(await cached.list('Arith'))).toEqual(['tcp@127.0.0.1:2'])
    expect((await failed).message).toContain('ENOENT')
    await cached.close()
  })

  test('is never from the future, whatever the file says', async () => {
    await remember('tcp@127.0.0.1:1')
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"at":\d+/, '"at":99999999999999'))
    await using cached = whileDown().cached
    await cached.list('Arith')
    expect(cached.status('Arith').since).toBeLessThanOrEqual(Date.now())
  })

  test('rejects what is not a path', () => {
    const inner = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:2' }])
    expect(() => new CachedDiscovery(inner, { file: '' })).toThrow('CachedDiscovery: file is "", not a path')
  })
})
