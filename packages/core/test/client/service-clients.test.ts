import { OneClient, RegistryDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import type { ServiceWatch } from '../discovery/scripted-driver.ts'
import { ScriptedDriver } from '../discovery/scripted-driver.ts'
import { Gate } from '../gate.ts'
import { closing, failure, serving } from '../helpers.ts'

/** A registry that responds at once. Each service has these servers, unless its name begins with `invented`. */
class Answering extends ScriptedDriver {
  readonly servers: (readonly [string, string])[] = []

  override async open(): ReturnType<ScriptedDriver['open']> {
    const session = await super.open()
    const { watchService: watch } = session
    session.watchService = (service, into, signal) => {
      const following = watch(service, into, signal)
      into.replace(service.startsWith('invented') ? [] : this.servers)
      return following
    }
    return session
  }

  get live(): readonly string[] {
    return this.watches.filter(({ signal }) => !signal.aborted).map(({ service }) => service)
  }
}

function gone({ signal }: ServiceWatch): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

const IDLE = { idleMs: 10 }

describe('a client of many services', () => {
  test('keeps nothing of service names that others invent', async () => {
    const driver = new Answering()
    const discovery = closing(new RegistryDiscovery(driver, {}, IDLE))
    const one = closing(new OneClient(discovery, {}, { sweepMs: 10 }))
    for (let n = 0; n < 50; n++) {
      expect(await failure(one.call(`invented${n}`, 'get'))).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
    }
    await Promise.all(driver.watches.map(gone))
    expect(driver.live).toEqual([])
    expect(await failure(one.call('invented0', 'get'))).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
  })

  test('keeps a bounded number of service clients, however fast new names come', async () => {
    const driver = new Answering()
    const discovery = closing(new RegistryDiscovery(driver, {}, { idleMs: 600_000 }))
    const one = closing(new OneClient(discovery, {}, { sweepMs: 600_000 }))
    for (let n = 0; n < 3_000; n++) await failure(one.call(`invented${n}`, 'get'))
    // Those of clients, and those that the discovery keeps for a while.
    expect(driver.live.length).toBeLessThanOrEqual(1_000 + 256)
  })

  test.each([false, true])(
    'closes no service client with a running call, with interceptors: %s',
    async intercepts => {
      const driver = new Answering()
      const gate = new Gate()
      const server = await serving({ Slow: { get: () => gate.opened.then(() => 'done') } })
      driver.servers.push([server.address as string, ''])
      const discovery = closing(new RegistryDiscovery(driver, {}, IDLE))
      const options = intercepts
        ? { interceptors: [async (call: never, next: (call: never) => never) => next(call)] }
        : {}
      const one = closing(new OneClient(discovery, options as object, { sweepMs: 2 }))
      const slow = one.call('Slow', 'get')
      for (let n = 0; n < 30; n++) {
        await failure(one.call(`invented${n}`, 'get'))
        await gone(driver.watches.find(({ service }) => service === `invented${n}`) as ServiceWatch)
      }
      gate.open()
      expect(await slow).toBe('done')
    },
  )

  test('opens an idle service client again when it is called, and closes all with itself', async () => {
    const driver = new Answering()
    const server = await serving({ Echo: { say: (text: string) => text } })
    driver.servers.push([server.address as string, ''])
    const discovery = closing(new RegistryDiscovery(driver, {}, IDLE))
    const one = new OneClient(discovery, {}, { sweepMs: 2 })
    const echo = one.service('Echo')
    expect(one.service('Echo')).toBe(echo)
    expect(await echo.call('say', 'a')).toBe('a')
    await gone(driver.watches[0] as ServiceWatch)
    expect(await echo.call('say', 'b')).toBe('b')
    expect(driver.watches.length).toBeGreaterThan(1)
    await one.close()
    expect(await failure(echo.call('say', 'c'))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(() => one.service('Echo')).toThrow('the client is closed')
  })
})
