import type { Announcement, Driver, Holder, RegisterPluginOptions, Session } from '@rpcx/core'
import { RegisterPlugin, Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'

/** One entry, and a registry that a test plays. */
class OneEntry implements Driver {
  readonly name = 'one'
  readonly traits = { crash: 'ttl', edits: true, publishes: 'listening' } as const
  metadata = ''
  holder: Holder | undefined
  /** What comes between an update and its answer. */
  beforeAnswer: () => void = () => {}
  opening: () => Promise<void> = async () => {}

  check(): void {}

  async open(): Promise<Session> {
    await this.opening()
    return {
      ttlMs: 1_000,
      ended: new Promise(() => {}),
      follow: () => new Promise(() => {}),
      announce: async (entry, _mode, holder) => {
        this.metadata = entry.metadata
        this.holder = holder
        return this.#announcement()
      },
      close: async () => {},
    }
  }

  edit(metadata: string): void {
    this.metadata = metadata
    this.holder?.changed(metadata)
  }

  #announcement(): Announcement {
    return {
      update: async (expected, next) => {
        if (this.metadata !== expected) return false
        this.metadata = next
        this.beforeAnswer()
        return true
      },
      withdraw: async () => {},
    }
  }
}

function serverWith(driver: Driver, options: RegisterPluginOptions = {}): Server {
  const server = new Server()
  server.plugins.add(new RegisterPlugin(driver, { updateIntervalMs: 0, ...options }))
  server.registerName('Arith', { Mul: () => 1 }, 'n=0')
  return server
}

describe('an announcer', () => {
  test('takes an edit that crosses its own update for what it is', async () => {
    const driver = new OneEntry()
    await using server = serverWith(driver)
    await server.serve('tcp', '127.0.0.1:0')
    driver.beforeAnswer = () => {
      driver.beforeAnswer = () => {}
      driver.edit('n=1&state=inactive')
    }
    await server.setMetadata('Arith', 'n=1')
    expect(driver.metadata).toBe('n=1&state=inactive')
    driver.edit('n=1')
    await server.published()
    expect(driver.metadata).toBe('n=1')
  })

  test('does not wait for a registry that does not answer when it closes', async () => {
    const driver = new OneEntry()
    driver.opening = () => new Promise(() => {})
    const server = serverWith(driver)
    const serving = server.serve('tcp', '127.0.0.1:0')
    await new Promise(resolve => setImmediate(resolve))
    const since = performance.now()
    await server.close()
    expect(performance.now() - since).toBeLessThan(2_000)
    await serving.catch(() => {})
  })

  test('publishes nothing when the server is closed while its address is found out', async () => {
    const driver = new OneEntry()
    let found: (address: string) => void = () => {}
    const finding = new Promise<string>(resolve => (found = resolve))
    let ask: () => void = () => {}
    const asked = new Promise<void>(resolve => (ask = resolve))
    const serviceAddress = (): Promise<string> => {
      ask()
      return finding
    }
    const server = serverWith(driver, { serviceAddress })
    const serving = server.serve('tcp', '127.0.0.1:0')
    await asked
    await server.close()
    found('tcp@10.0.0.1:1')
    await serving
    await server.published()
    expect(driver.holder).toBeUndefined()
  })
})
