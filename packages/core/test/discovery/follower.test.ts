import { RegistryDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ScriptedDriver } from './scripted.ts'

function discover(resyncMs = 60_000): {
  driver: ScriptedDriver
  discovery: RegistryDiscovery
  told: string[]
} {
  const driver = new ScriptedDriver()
  const discovery = new RegistryDiscovery(driver, { resyncMs })
  const told: string[] = []
  discovery.on('registryDown', () => told.push('down')).on('registryBack', () => told.push('back'))
  return { driver, discovery, told }
}

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('a follower', () => {
  test('keeps the list when the driver gives up, waits, and follows again', async () => {
    const { driver, discovery, told } = discover()
    const listing = discovery.list('Arith')
    const first = await driver.follow(0)
    first.into.replace([['a@1', 'n=1']])
    expect(await listing).toHaveLength(1)
    first.fail(new Error('compacted'))
    await tick()
    expect(told).toEqual(['down'])
    expect(discovery.status('Arith')).toMatchObject({ state: 'stale', lastError: { message: 'compacted' } })
    expect(driver.follows).toHaveLength(1)
    first.into.put('late@1', '')
    const second = await driver.follow(1)
    expect(await discovery.list('Arith')).toHaveLength(1)
    second.into.replace([['b@1', 'n=1']])
    await tick()
    expect((await discovery.list('Arith')).map(({ address }) => address)).toEqual(['b@1'])
    expect(told).toEqual(['down', 'back'])
    expect(discovery.status('Arith').state).toBe('fresh')
    await discovery.close()
  })

  test('opens a new session when the old one has ended, also when its follow does not notice', async () => {
    const { driver, discovery } = discover()
    const listing = discovery.list('Arith')
    const first = await driver.follow(0)
    first.into.replace([['a@1', 'n=1']])
    await listing
    driver.end(new Error('expired'))
    const second = await driver.follow(1)
    expect(first.signal.aborted).toBe(true)
    expect([driver.opened, driver.closed]).toEqual([2, 1])
    second.into.replace([['a@1', 'n=2']])
    await tick()
    expect((await discovery.list('Arith'))[0]?.metadata).toBe('n=2')
    await discovery.close()
  })

  test('lets the old run live until the new one has its list', async () => {
    const { driver, discovery } = discover(1_000)
    const listing = discovery.list('Arith')
    const first = await driver.follow(0)
    first.into.replace([['a@1', 'n=1']])
    await listing
    const second = await driver.follow(1)
    first.into.put('a@1', 'n=2')
    second.into.put('a@1', 'too soon')
    await tick()
    expect((await discovery.list('Arith'))[0]?.metadata).toBe('n=2')
    second.into.replace([['a@1', 'n=3']])
    expect(first.signal.aborted).toBe(true)
    first.into.put('a@1', 'too late')
    first.into.replace([])
    await tick()
    expect((await discovery.list('Arith'))[0]?.metadata).toBe('n=3')
    await discovery.close()
  })

  test('that is closed before its first list ends its run', async () => {
    const { driver, discovery } = discover()
    const listing = discovery.list('Arith')
    const first = await driver.follow(0)
    await discovery.close()
    expect(first.signal.aborted).toBe(true)
    await expect(listing).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(driver.closed).toBe(1)
  })
})
