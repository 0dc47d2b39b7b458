import { RegistryDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import { ScriptedDriver } from './scripted-driver.ts'

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
  test('keeps the list when the driver fails, waits, and watches again', async () => {
    const { driver, discovery, told } = discover()
    const listing = discovery.list('Arith')
    const first = await driver.watch(0)
    first.into.replace([['a@1', 'n=1']])
    expect(await listing).toHaveLength(1)
    first.fail(new Error('compacted'))
    await tick()
    expect(told).toEqual(['down'])
    expect(discovery.status('Arith')).toMatchObject({ state: 'stale', lastError: { message: 'compacted' } })
    expect(driver.watches).toHaveLength(1)
    first.into.put('late@1', '')
    const second = await driver.watch(1)
    expect(await discovery.list('Arith')).toHaveLength(1)
    second.into.replace([['b@1', 'n=1']])
    await tick()
    expect((await discovery.list('Arith')).map(({ address }) => address)).toEqual(['b@1'])
    expect(told).toEqual(['down', 'back'])
    expect(discovery.status('Arith').state).toBe('fresh')
    await discovery.close()
  })

  test('reports once that a list fails for long while others work, and once that all work again', async () => {
    const { driver, discovery, told } = discover()
    const listing = discovery.list('Good')
    discovery.list('Bad').catch(() => {})
    discovery.list('Worse').catch(() => {})
    const [good, bad, worse] = await Promise.all([0, 1, 2].map(n => driver.watch(n)))
    good?.into.replace([['a@1', 'n=0']])
    await listing
    bad?.fail(new Error('refused'))
    worse?.fail(new Error('refused, too'))
    await tick()
    // Some registries report every change by the whole list.
    good?.into.replace([['a@1', 'n=1']])
    const [again, other] = await Promise.all([driver.watch(3), driver.watch(4)])
    good?.into.replace([['a@1', 'n=2']])
    again.into.replace([])
    expect(told).toEqual(['down'])
    other.into.replace([])
    expect(told).toEqual(['down', 'back'])
    await discovery.close()
  })

  test('does not count a list that is no longer followed: the others report that the registry is back', async () => {
    const driver = new ScriptedDriver()
    const discovery = new RegistryDiscovery(driver, {}, { idleMs: 1 })
    const told: string[] = []
    discovery.on('registryDown', () => told.push('down')).on('registryBack', () => told.push('back'))
    const watching = discovery.watch('Good')[Symbol.asyncIterator]()
    const first = watching.next()
    const good = await driver.watch(0)
    good.into.replace([['a@1', 'n=0']])
    await first
    const giveUp = new AbortController()
    const listing = discovery.list('Bad', { signal: giveUp.signal })
    const bad = await driver.watch(1)
    bad.fail(new Error('refused'))
    await tick()
    giveUp.abort()
    await expect(listing).rejects.toThrow()
    await until(() => discovery.status('Bad').state === 'idle')
    good.into.replace([['a@1', 'n=1']])
    expect(told).toEqual(['down', 'back'])
    await discovery.close()
  })

  test('opens a new session when the old one has ended, even if its watch does not end', async () => {
    const { driver, discovery } = discover()
    const listing = discovery.list('Arith')
    const first = await driver.watch(0)
    first.into.replace([['a@1', 'n=1']])
    await listing
    driver.end(new Error('expired'))
    const second = await driver.watch(1)
    expect(first.signal.aborted).toBe(true)
    expect([driver.opened, driver.closed]).toEqual([2, 1])
    second.into.replace([['a@1', 'n=2']])
    await tick()
    expect((await discovery.list('Arith'))[0]?.metadata).toBe('n=2')
    await discovery.close()
  })

  test('keeps the old watch until the new one has its list', async () => {
    const { driver, discovery } = discover(1_000)
    const listing = discovery.list('Arith')
    const first = await driver.watch(0)
    first.into.replace([['a@1', 'n=1']])
    await listing
    const second = await driver.watch(1)
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

  test('that is closed before its first list ends its watch', async () => {
    const { driver, discovery } = discover()
    const listing = discovery.list('Arith')
    const first = await driver.watch(0)
    await discovery.close()
    expect(first.signal.aborted).toBe(true)
    await expect(listing).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(driver.closed).toBe(1)
  })
})
