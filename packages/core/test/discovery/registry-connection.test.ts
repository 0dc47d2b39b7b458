import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { RegistryConnection } from '../../src/discovery/registry-connection.ts'
import { ScriptedDriver } from './scripted-driver.ts'

function opened(): { driver: ScriptedDriver; connection: RegistryConnection; told: string[] } {
  const driver = new ScriptedDriver()
  const told: string[] = []
  const owner = {
    registryDown: (error: Error) => told.push(`down: ${error.message}`),
    registryBack: () => told.push('back'),
  }
  return { driver, connection: new RegistryConnection(driver, owner, systemClock), told }
}

describe('a connection to a registry', () => {
  test('opens one session for all of its users', async () => {
    const { driver, connection: up } = opened()
    const [first, second] = await Promise.all([up.session(), up.session()])
    expect(second).toBe(first)
    expect(await up.session()).toBe(first)
    expect(driver.opened).toBe(1)
    await up.close()
    expect(driver.closed).toBe(1)
  })

  test('reports once that the registry is down, and once that it is back', async () => {
    const { driver, connection: up, told } = opened()
    const [list, entry] = [{}, {}]
    driver.opening = () => Promise.reject(new Error('refused'))
    for (const user of [list, entry, list]) await up.session().catch(error => up.failed(error, user))
    driver.opening = async () => {}
    await up.session()
    up.succeeded(list)
    up.succeeded(list)
    expect(told).toEqual(['down: refused'])
    up.succeeded(entry)
    up.succeeded(list)
    expect(told).toEqual(['down: refused', 'back'])
    expect(up.lastError?.message).toBe('refused')
    await up.close()
  })

  test('opens a new session after the old one has ended, and closes the old one', async () => {
    const { driver, connection: up } = opened()
    const first = await up.session()
    driver.end(new Error('expired'))
    await first.ended
    expect(await up.session()).not.toBe(first)
    expect([driver.opened, driver.closed]).toEqual([2, 1])
    await up.close()
  })

  test('treats a session whose `ended` rejects as one that has ended', async () => {
    const { driver, connection: up } = opened()
    const first = await up.session()
    const heard = new Promise<Error>(resolve => up.whenEnded(first, resolve))
    driver.end(Promise.reject(new Error('broken')) as never)
    expect(await heard).toMatchObject({ message: 'broken' })
    expect(await up.session()).not.toBe(first)
    await up.close()
  })

  test('closes at once while a session opens, and closes that session', async () => {
    const { driver, connection: up, told } = opened()
    let open: () => void = () => {}
    driver.opening = () => new Promise(resolve => (open = resolve))
    const opening = up.session()
    const closing = up.close()
    await expect(opening).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    await closing
    open()
    await new Promise(resolve => setImmediate(resolve))
    expect(driver.closed).toBe(1)
    await expect(up.session()).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(told).toEqual([])
  })
})
