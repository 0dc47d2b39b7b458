import type { RegisterPluginOptions, ServerOptions } from '@rpcx/core'
import { RegisterPlugin, Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Gate } from '../gate.ts'
import { until } from '../until.ts'
import { OneEntry } from './one-entry-driver.ts'

function serverWith(
  driver: OneEntry,
  options: RegisterPluginOptions = {},
  serverOptions: ServerOptions = {},
): { server: Server; told: string[] } {
  const server = new Server({ noticeMs: 0, ...serverOptions })
  const told: string[] = []
  for (const event of ['registered', 'conflict', 'withdrawn', 'registryDown', 'registryBack'] as const) {
    server.on(event, () => told.push(event))
  }
  server.on('lost', ({ why }) => told.push(why))
  server.plugins.add(new RegisterPlugin(driver, { updateIntervalMs: 0, ...options }))
  server.registerName('Arith', { Mul: () => 1 }, 'n=0')
  return { server, told }
}

async function serving(driver: OneEntry): Promise<{ server: Server; told: string[] }> {
  const started = serverWith(driver)
  await started.server.serve('tcp', '127.0.0.1:0')
  return started
}

/** Makes the next write do something before its answer. */
function once(
  driver: OneEntry,
  before: (taken: () => bigint | undefined) => Promise<bigint | undefined>,
): void {
  driver.writing = taken => {
    driver.writing = async usual => usual()
    return before(taken)
  }
}

test('a server that closes begins no write that still waits for its turn', async () => {
  const driver = new OneEntry()
  const answered = new Gate()
  driver.writing = () => answered.opened.then(() => undefined)
  const { server } = serverWith(driver, {}, { startTimeoutMs: 1 })
  for (let n = 1; n < 20; n++) server.registerName(`S${n}`, { get: () => n }, `n=${n}`)
  await server.serve('tcp', '127.0.0.1:0')
  await until(() => driver.writes.length === 16)
  const closed = server.close()
  answered.open()
  await closed
  expect(driver.writes).toHaveLength(16)
})

test('a write that waited for its turn has the newest metadata', async () => {
  const driver = new OneEntry()
  const answered = new Gate()
  driver.writing = () => answered.opened.then(() => 1n)
  const { server } = serverWith(driver, {}, { startTimeoutMs: 1 })
  for (let n = 1; n < 17; n++) server.registerName(`S${n}`, { get: () => n }, `n=${n}`)
  await server.serve('tcp', '127.0.0.1:0')
  await until(() => driver.writes.length === 16)
  server.setMetadata('S16', 'n=new').catch(() => {})
  answered.open()
  await until(() => driver.writes.length >= 17)
  expect(driver.writes[16]).toBe('n=new')
  await server.close()
})

describe('an announcer', () => {
  test('recognises an edit that crosses its own write as an edit', async () => {
    const driver = new OneEntry()
    const { server } = await serving(driver)
    once(driver, async taken => {
      const version = taken()
      driver.edit('n=1&state=inactive', 'nobody')
      return version
    })
    server.setMetadata('Arith', 'n=1').catch(() => {})
    await until(() => driver.writes.length === 3)
    await server.published()
    expect(driver.held).toMatchObject({ metadata: 'n=1&state=inactive', by: 'us' })
    driver.edit('n=1')
    await server.published()
    expect(driver.held?.metadata).toBe('n=1')
    await server.close()
  })

  test('recognises its own write when the answer was lost', async () => {
    const driver = new OneEntry()
    const { server } = await serving(driver)
    once(driver, async taken => {
      taken()
      throw new Error('the answer was lost')
    })
    await server.setMetadata('Arith', 'm=1')
    expect(driver.writes).toEqual(['n=0', 'm=1'])
    // As an edit by others, `m` would be kept.
    await server.setMetadata('Arith', 'n=2')
    expect(driver.held?.metadata).toBe('n=2')
    await server.close()
  })

  test('writes again when the write was lost', async () => {
    const driver = new OneEntry()
    const { server } = await serving(driver)
    once(driver, () => Promise.reject(new Error('it was lost on its way')))
    await server.setMetadata('Arith', 'n=1')
    expect(driver.writes).toEqual(['n=0', 'n=1', 'n=1'])
    expect(driver.held?.metadata).toBe('n=1')
    await server.close()
  })

  test('removes what it wrote when the answer was lost, even if the watch never reported it', async () => {
    const driver = new OneEntry()
    const { server, told } = serverWith(driver)
    driver.writing = async taken => {
      taken()
      throw new Error('the answer was lost')
    }
    driver.tell = () => {}
    await server.serve('tcp', '127.0.0.1:0')
    expect(driver.held).toBeDefined()
    expect(told).toEqual(['registryDown'])
    await server.close()
    expect(driver.held).toBeUndefined()
  })

  test('reads the entry again before it concludes that the entry is gone', async () => {
    const driver = new OneEntry()
    const { server, told } = await serving(driver)
    const { looks } = driver
    // A late report, from before its own write.
    driver.tell(undefined)
    await until(() => driver.looks === looks + 1)
    await server.published()
    expect(told).toEqual(['registered'])
    driver.remove()
    await until(() => told.length === 3)
    expect(told).toEqual(['registered', 'deleted', 'registered'])
    await server.close()
  })

  test('ignores reports of versions that are not newer than what it knows', async () => {
    const driver = new OneEntry()
    const { server, told } = await serving(driver)
    const old = driver.held
    await server.setMetadata('Arith', 'n=1')
    driver.tell(old)
    driver.tell({ metadata: 'n=old', version: 0n, by: 'other' })
    await server.setMetadata('Arith', 'n=2')
    expect(driver.held?.metadata).toBe('n=2')
    expect(driver.writes).toEqual(['n=0', 'n=1', 'n=2'])
    expect(told).toEqual(['registered'])
    await server.close()
  })

  test('rewrites an entry that belongs to nobody or to an earlier session', async () => {
    const driver = new OneEntry()
    const { server, told } = await serving(driver)
    for (const by of ['nobody', 'earlier'] as const) {
      // In the order in which the server would write the keys, so that only the keeper differs from its own entry.
      driver.edit(`by=${by}&n=0`, by)
      await server.published()
      expect(driver.held).toMatchObject({ metadata: `by=${by}&n=0`, by: 'us' })
    }
    expect(told).toEqual(['registered'])
    await server.close()
  })

  test('treats what an editor keeps as an edit, and removes it when the server closes at that moment', async () => {
    const driver = new OneEntry()
    const { server, told } = await serving(driver)
    driver.edit('n=0&state=inactive', 'editor')
    await server.published()
    expect(driver.held).toMatchObject({ metadata: 'n=0&state=inactive', by: 'us' })
    driver.edit('n=0&state=active', 'editor')
    await server.close()
    expect(driver.held).toBeUndefined()
    expect(told).toEqual(['registered', 'withdrawn'])
  })

  test('leaves the entry of another server alone, also while somebody edits it', async () => {
    const driver = new OneEntry()
    const { server, told } = await serving(driver)
    driver.edit('is=other', 'other')
    await until(() => told.includes('conflict'))
    driver.edit('is=edited', 'editor')
    driver.edit('is=edited', 'other')
    driver.remove()
    await until(() => told.length === 4)
    expect(driver.writes).toEqual(['n=0', 'n=0'])
    expect(told).toEqual(['registered', 'taken', 'conflict', 'registered'])
    await server.close()
  })

  test('keeps its entry in a registry that was restored to an earlier state', async () => {
    const driver = new OneEntry()
    const { server, told } = await serving(driver)
    for (const n of [1, 2, 3]) await server.setMetadata('Arith', `n=${n}`)
    const { looks } = driver
    driver.disconnect({ metadata: 'n=1', version: 2n, by: 'us' })
    await until(() => driver.looks === looks + 1)
    await server.published()
    // Its own old metadata are not an edit by others.
    expect(driver.held?.metadata).toBe('n=3')
    await server.setMetadata('Arith', 'n=4')
    expect(driver.held?.metadata).toBe('n=4')
    expect(told).toEqual(['registered', 'registryDown', 'registryBack'])
    await server.close()
  })

  test('replaces an existing entry at first, and waits for the other server after a loss', async () => {
    const driver = new OneEntry()
    driver.edit('is=other', 'other')
    const { server, told } = await serving(driver)
    expect(driver.held).toMatchObject({ metadata: 'n=0', by: 'us' })
    driver.edit('is=other', 'other')
    driver.edit('is=still-there', 'other')
    await until(() => told.includes('conflict'))
    expect(told).toEqual(['registered', 'taken', 'conflict'])
    driver.remove()
    await until(() => told.length === 4)
    expect(driver.writes).toEqual(['n=0', 'n=0'])
    expect(driver.held).toMatchObject({ metadata: 'n=0', by: 'us' })
    await server.close()
  })

  test('pauses when its writes are refused again and again', async () => {
    const driver = new OneEntry()
    const { server } = await serving(driver)
    let refusals = 0
    driver.writing = async () => {
      await new Promise(resolve => setImmediate(resolve))
      refusals++
      return undefined
    }
    const since = performance.now()
    server.setMetadata('Arith', 'n=1').catch(() => {})
    await until(() => refusals === 6)
    expect(performance.now() - since).toBeGreaterThan(900)
    await server.close()
  })

  test('reports once that its session has ended, and registers in the next one', async () => {
    const driver = new OneEntry()
    const { server, told } = await serving(driver)
    driver.held = undefined
    driver.end(new Error('expired'))
    await until(() => told.length === 3)
    expect(told).toEqual(['registered', 'expired', 'registered'])
    await server.close()
    expect(told).toEqual(['registered', 'expired', 'registered', 'withdrawn'])
  })

  test('closes without waiting for a registry that does not respond', async () => {
    const driver = new OneEntry()
    driver.opening = () => new Promise(() => {})
    const { server } = serverWith(driver)
    const starting = server.serve('tcp', '127.0.0.1:0')
    await new Promise(resolve => setImmediate(resolve))
    const since = performance.now()
    await server.close()
    expect(performance.now() - since).toBeLessThan(2_000)
    await starting.catch(() => {})
  })

  test('publishes nothing when the server closes before its address is known', async () => {
    const driver = new OneEntry()
    let found: (address: string) => void = () => {}
    const finding = new Promise<string>(resolve => (found = resolve))
    let ask: () => void = () => {}
    const asked = new Promise<void>(resolve => (ask = resolve))
    const serviceAddress = (): Promise<string> => {
      ask()
      return finding
    }
    const { server } = serverWith(driver, { serviceAddress })
    const starting = server.serve('tcp', '127.0.0.1:0')
    await asked
    await server.close()
    found('tcp@10.0.0.1:1')
    await starting
    await expect(server.published()).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(driver.writes).toEqual([])
    expect(driver.looks).toBe(0)
  })
})

describe('serve() with a register plugin', () => {
  const silences: readonly (readonly [string, (driver: OneEntry) => void])[] = [
    ['does not open a session', driver => (driver.opening = () => new Promise(() => {}))],
    ['does not answer a write', driver => (driver.writing = () => new Promise(() => {}))],
  ]
  test.each(silences)(
    'that is required rejects after startTimeoutMs if the registry %s',
    async (_what, silence) => {
      const driver = new OneEntry()
      silence(driver)
      const { server, told } = serverWith(driver, { required: true }, { startTimeoutMs: 50 })
      await expect(server.serve('tcp', '127.0.0.1:0')).rejects.toMatchObject({
        code: 'ERR_RPCX_REGISTRY',
        message:
          'one: not registered within startTimeoutMs, which required asks for: the registry has not answered',
      })
      expect(server.health).toBe('closed')
      expect(told).not.toContain('registered')
    },
  )

  test('that is not required resolves after startTimeoutMs, and the server registers later', async () => {
    const driver = new OneEntry()
    let open = (): void => {}
    driver.opening = () => new Promise(resolve => (open = resolve))
    const { server, told } = serverWith(driver, {}, { startTimeoutMs: 50 })
    await server.serve('tcp', '127.0.0.1:0')
    expect(told).toEqual([])
    open()
    await server.published()
    expect(told).toEqual(['registered'])
    await server.close()
  })

  test('that is required does not reject once it is registered, however long serve() waits for other plugins', async () => {
    const driver = new OneEntry()
    const { server } = serverWith(driver, { required: true }, { startTimeoutMs: 50 })
    server.plugins.add({ attach: () => ({ listening: () => new Promise(() => {}) }) })
    await server.serve('tcp', '127.0.0.1:0')
    expect(server.health).toBe('ready')
    await server.close()
  })
})
