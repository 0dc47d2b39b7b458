import type { PluginHost, ServerHooks, ServerPlugin } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'

const service = { who: () => 'me' }

/** Returns a plugin that records every hook, and runs `hooks`. */
class Recorder implements ServerPlugin {
  readonly heard: string[] = []
  host: PluginHost | undefined
  readonly #hooks: ServerHooks

  constructor(hooks: ServerHooks = {}) {
    this.#hooks = hooks
  }

  attach(host: PluginHost): ServerHooks {
    this.host = host
    const hooks = this.#hooks
    return {
      registering: (name, metadata) => {
        this.heard.push(`registering ${name} ${metadata}`)
        hooks.registering?.(name, metadata)
      },
      registered: (name, metadata) => {
        this.heard.push(`registered ${name} ${metadata}`)
      },
      changed: async (name, metadata) => {
        this.heard.push(`changed ${name} ${metadata}`)
        await hooks.changed?.(name, metadata)
      },
      unregistered: async name => {
        this.heard.push(`unregistered ${name}`)
        await hooks.unregistered?.(name)
      },
      listening: async (address, waiting) => {
        this.heard.push('listening')
        await hooks.listening?.(address, waiting)
      },
      published: async () => {
        await hooks.published?.()
      },
      closing: async () => {
        this.heard.push('closing')
        await hooks.closing?.()
      },
    }
  }
}

describe('a plugin', () => {
  test('is called at each step in the life of a server, in order', async () => {
    const plugin = new Recorder()
    const server = closing(new Server())
    server.plugins.add(plugin)
    server.registerName('A', service, 'weight=1')
    await server.serve('tcp', '127.0.0.1:0')
    await server.setMetadata('A', 'weight=2')
    await server.unregister('A')
    await server.close()
    expect(plugin.heard).toEqual([
      'registering A weight=1',
      'registered A weight=1',
      'listening',
      'changed A weight=2',
      'unregistered A',
      'closing',
    ])
  })

  test('is told about the services that were there before it was added', async () => {
    const plugin = new Recorder()
    const server = await serving({ A: service })
    await server.setMetadata('A', 'weight=2')
    server.plugins.add(plugin)
    expect(plugin.heard).toEqual(['registering A weight=2', 'registered A weight=2', 'listening'])
    expect(plugin.host).toMatchObject({ id: server.id, address: server.address, metrics: server.metrics })
  })

  test('that rejects a service keeps the server from serving it', async () => {
    const no = new RangeError('the name is too long')
    const server = await serving({})
    const plugin = new Recorder({
      registering: () => {
        throw no
      },
    })
    server.plugins.add(plugin)
    expect(() => server.registerName('A', service)).toThrow(no)
    expect(() => server.registerFunction('B', service.who)).toThrow(no)
    expect(plugin.heard).toEqual(['listening', 'registering A ', 'registering B '])
    for (const name of ['A', 'B']) {
      const client = clientOf<typeof service>(name, [server])
      expect(await failure(client.call('who'))).toMatchObject({ code: 'ERR_RPCX_SERVICE_NOT_FOUND' })
    }
  })

  test('that rejects a service which is there is not added, and is told that nothing follows', async () => {
    const no = new RangeError('the name is too long')
    const server = closing(new Server())
    server.registerName('A', service)
    const plugin = new Recorder({
      registering: () => {
        throw no
      },
    })
    expect(() => server.plugins.add(plugin)).toThrow(no)
    await server.serve('tcp', '127.0.0.1:0')
    expect(plugin.heard).toEqual(['registering A ', 'closing'])
  })

  test('that rejects metadata makes setMetadata() reject', async () => {
    const no = new RangeError('the metadata are too long')
    const server = closing(new Server())
    server.registerName('A', service, 'weight=1')
    server.plugins.add(new Recorder({ changed: () => Promise.reject(no) }))
    expect(await failure(server.setMetadata('A', 'weight=2'))).toBe(no)
    const later = new Recorder()
    server.plugins.add(later)
    expect(later.heard).toEqual(['registering A weight=1', 'registered A weight=1'])
  })

  test('withdraws a service before the server stops serving it', async () => {
    const withdrawn = new Gate()
    const server = await serving({ A: service })
    server.plugins.add(new Recorder({ unregistered: () => withdrawn.opened }))
    const client = clientOf<typeof service>('A', [server])
    const unregistered = server.unregister('A')
    expect(await client.call('who')).toBe('me')
    withdrawn.open()
    await unregistered
    expect(await failure(client.call('who'))).toMatchObject({ code: 'ERR_RPCX_SERVICE_NOT_FOUND' })
    server.registerName('A', service)
    expect(await client.call('who')).toBe('me')
  })

  test('that fails to start makes serve() reject, and closes the server', async () => {
    const no = new TypeError('which of two addresses?')
    const server = closing(new Server())
    const plugin = new Recorder({ listening: () => Promise.reject(no) })
    server.plugins.add(plugin)
    expect(await failure(server.serve('tcp', '127.0.0.1:0'))).toBe(no)
    expect(plugin.heard).toEqual(['listening', 'closing'])
    expect(await failure(server.serve('tcp', '127.0.0.1:0'))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })

  test('delays serve() for startTimeoutMs and no longer', async () => {
    const never = new Gate()
    const server = closing(new Server({ startTimeoutMs: 20 }))
    server.plugins.add(new Recorder({ listening: () => never.opened }))
    await server.serve('tcp', '127.0.0.1:0')
    expect(server.address).toMatch(/^tcp@127\.0\.0\.1:\d+$/)
  })

  test('is waited for by published()', async () => {
    const visible = new Gate()
    const server = closing(new Server())
    server.plugins.add(new Recorder({ published: () => visible.opened }))
    let isPublished = false
    const published = server.published().then(() => (isPublished = true))
    await server.serve('tcp', '127.0.0.1:0')
    expect(isPublished).toBe(false)
    visible.open()
    await published
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('no goodbye'))],
    [
      'throws',
      () => {
        throw new Error('no goodbye')
      },
    ],
  ])('that %s when the server closes is reported and does not stop it', async (_how, hook) => {
    const failed: string[] = []
    const server = await serving({ A: service })
    server.plugins.add({ attach: () => ({ closing: hook }) })
    server.on('pluginFailed', ({ error }) => failed.push(error.message))
    await server.close()
    expect(failed).toEqual(['no goodbye'])
  })

  test('that throws when a service is registered is reported, and the service is served', async () => {
    const failed: string[] = []
    const server = await serving({ A: service })
    server.on('pluginFailed', ({ error }) => failed.push(error.message))
    const registered = (name: string): never => {
      throw new Error(`do not tell me of ${name}`)
    }
    server.plugins.add({ attach: () => ({ registered }) })
    server.registerName('B', service)
    expect(failed).toEqual(['do not tell me of A', 'do not tell me of B'])
    expect(await clientOf<typeof service>('B', [server]).call('who')).toBe('me')
  })

  test('that fails after serve() has resolved is reported', async () => {
    const failed = new Gate<string>()
    const server = await serving({})
    server.on('pluginFailed', ({ error }) => failed.open(error.message))
    server.plugins.add(new Recorder({ listening: () => Promise.reject(new Error('too late')) }))
    expect(await failed.opened).toBe('too late')
  })
})

test('setMetadata rejects an unknown service', async () => {
  const server = closing(new Server())
  expect(await failure(server.setMetadata('A', 'weight=1'))).toEqual(
    new TypeError('setMetadata: no service "A" is registered'),
  )
})

test('unregister ignores an unknown service', async () => {
  await closing(new Server()).unregister('A')
})

test('a plugin that fails after serve() has stopped waiting for it is reported', async () => {
  const server = new Server({ startTimeoutMs: 1 })
  let fail: (error: Error) => void = () => {}
  server.plugins.add({
    attach: () => ({ listening: () => new Promise((_resolve, reject) => (fail = reject)) }),
  })
  const told = new Promise<Error>(resolve => server.on('pluginFailed', ({ error }) => resolve(error)))
  await server.serve('tcp', '127.0.0.1:0')
  fail(new Error('too late'))
  expect((await told).message).toBe('too late')
  await server.close()
})
