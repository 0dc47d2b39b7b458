import type { CallContext, ServerConnection, ServerHooks, ServerOptions } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { clientOf, closing, failure, happening, portOf, serving } from '../helpers.ts'

interface Math {
  double(value: number): number
  later(value: number): number
  fail(): never
}

async function served(hooks: readonly ServerHooks[], options: ServerOptions = {}) {
  let runs = 0
  const math = {
    double: (value: number) => {
      runs++
      return 2 * value
    },
    later: async (value: number) => {
      runs++
      return 2 * value
    },
    fail: () => {
      throw new Error('cannot')
    },
  }
  const server = await serving({ Math: math }, options)
  const failed: string[] = []
  server.on('pluginFailed', ({ error }) => failed.push(error.message))
  for (const each of hooks) server.plugins.add({ attach: () => each })
  return { server, failed, client: clientOf<Math>('Math', [server]), runs: () => runs }
}

const broken = (): never => {
  throw new Error('secret of the server')
}

describe('the hooks of a plugin', () => {
  test.each(['double', 'later'] as const)(
    'run from the connection to the reply of a call: %s',
    async method => {
      const heard: string[] = []
      const note =
        (name: string) =>
        (...args: unknown[]): void => {
          const [call, detail] = args as [CallContext, unknown]
          heard.push(
            [name, call.method, detail instanceof Error ? detail.message : detail]
              .filter(part => part !== undefined && part !== null)
              .join(' '),
          )
        }
      const { client, server } = await served([
        {
          connectionOpened: note('connectionOpened') as never,
          connectionClosed: note('connectionClosed') as never,
          beforeRead: note('beforeRead') as never,
          afterRead: note('afterRead'),
          beforeCall: note('beforeCall'),
          around: async (call, args, next) => {
            note('around')(call, args)
            return next(args)
          },
          afterCall: note('afterCall'),
          beforeWrite: note('beforeWrite'),
          afterWrite: note('afterWrite'),
        },
      ])
      expect(await client.call(method, 4)).toBe(8)
      expect(await failure(client.call('fail'))).toMatchObject({ message: 'cannot' })
      await client.close()
      await server.close()
      expect(heard).toEqual([
        'connectionOpened',
        'beforeRead',
        ...[`afterRead ${method}`, `beforeCall ${method} 4`, `around ${method} 4`, `afterCall ${method}`],
        ...[`beforeWrite ${method}`, `afterWrite ${method}`],
        'beforeRead',
        ...['afterRead fail', 'beforeCall fail', 'around fail', 'afterCall fail cannot'],
        ...['beforeWrite fail cannot', 'afterWrite fail cannot'],
        'connectionClosed',
      ])
    },
  )

  test('run in the order in which the plugins were added; the first is outermost around a call', async () => {
    const order: string[] = []
    const named = (name: string): ServerHooks => ({
      beforeCall: () => void order.push(`before ${name}`),
      around: async (_call, args, next) => {
        order.push(`into ${name}`)
        const reply = await next(args)
        order.push(`out of ${name}`)
        return reply
      },
    })
    const { client } = await served([named('a'), named('b')])
    expect(await client.call('later', 1)).toBe(2)
    expect(order).toEqual(['before a', 'before b', 'into a', 'into b', 'out of b', 'out of a'])
  })
})

describe('around', () => {
  test('may change arguments and reply, run the method twice, or not at all', async () => {
    const { client, runs } = await served([
      {
        around: async (_call, args, next) => {
          const value = args as number
          if (value === 0) return 'never ran'
          if (value === 1) await next(value)
          return (await next(value + 10)) as number
        },
      },
    ])
    expect(await client.call('double', 0)).toBe('never ran')
    expect(runs()).toBe(0)
    expect(await client.call('double', 1)).toBe(22)
    expect(runs()).toBe(2)
  })

  test.each([
    ['throws', broken],
    ['rejects', async () => broken()],
  ])('that %s fails as the method would', async (_how, around) => {
    const { client, runs, failed } = await served([{ around }])
    expect(await failure(client.call('double', 1))).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'secret of the server',
    })
    expect(runs()).toBe(0)
    expect(failed).toEqual([])
  })

  test('sees what the method throws, and may return a result instead', async () => {
    const { client } = await served([
      {
        around: async (_call, args, next) => {
          try {
            return await next(args)
          } catch (error) {
            return `saved from ${(error as Error).message}`
          }
        },
      },
    ])
    expect(await client.call('fail')).toBe('saved from cannot')
  })
})

describe('a hook that throws', () => {
  test.each(['afterRead', 'beforeCall'] as const)(
    'an RpcxError in %s rejects the call with that error',
    async hook => {
      const refusal = new RpcxError('ERR_RPCX_NOT_EXECUTED', 'come back tomorrow')
      const { client, runs, failed } = await served([
        {
          [hook]: () => {
            throw refusal
          },
        },
      ])
      expect(await failure(client.call('double', 1))).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
      expect(runs()).toBe(0)
      expect(failed).toEqual([])
    },
  )

  test.each(['afterRead', 'beforeCall'] as const)(
    'anything else in %s rejects it too, and only the program learns why',
    async hook => {
      const { server, runs, failed } = await served([{ [hook]: broken }])
      const peer = closing(await BarePeer.connect(portOf(server)))
      peer.send(frame({ service: 'Math', method: 'double', payload: '1' }))
      const refused = await peer.message(0)
      expect({ ...refused.metadata }).toEqual({
        [ReservedKey.error]: 'rpcx: a plugin of the server failed',
        [ReservedKey.code]: 'ERR_RPCX_SERVICE',
      })
      expect(runs()).toBe(0)
      expect(failed).toEqual(['secret of the server'])
      expect(peer.isClosed).toBe(false)
    },
  )

  test.each(['afterCall', 'beforeWrite', 'afterWrite'] as const)('in %s changes no reply', async hook => {
    const { client, failed } = await served([
      { [hook]: broken },
      { [hook]: () => failed.push('the next was asked') },
    ])
    expect(await client.call('double', 1)).toBe(2)
    expect(failed).toEqual(['secret of the server', 'the next was asked'])
  })

  test('in beforeRead closes the connection', async () => {
    const { server, failed } = await served([{ beforeRead: broken }])
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ flags: Flag.heartbeat }))
    await peer.closed()
    expect(peer.bytes).toHaveLength(0)
    expect(failed).toEqual(['secret of the server'])
  })

  test('in connectionOpened closes the connection before it reads any byte', async () => {
    const { server, failed, runs } = await served([{ connectionOpened: broken }])
    const closed = happening(server, 'connectionClosed')
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ service: 'Math', method: 'double', payload: '1' }))
    expect((await closed).error?.message).toBe('secret of the server')
    await peer.closed()
    expect(runs()).toBe(0)
    expect(failed).toEqual(['secret of the server'])
  })

  test('in connectionClosed is reported to the program', async () => {
    const { client, server, failed } = await served([{ connectionClosed: broken }])
    await client.call('double', 1)
    await client.close()
    await server.close()
    expect(failed).toEqual(['secret of the server'])
  })
})

test('beforeWrite may add metadata to a reply and to an error reply', async () => {
  const { server } = await served([
    {
      beforeWrite(call, error) {
        call.responseMetadata.served = error?.message ?? 'well'
      },
    },
  ])
  const peer = closing(await BarePeer.connect(portOf(server)))
  peer.send(frame({ service: 'Math', method: 'double', payload: '1' }))
  expect((await peer.message(0)).metadataValue('served')).toBe('well')
  peer.send(frame({ service: 'None', method: 'double', payload: '1' }))
  expect((await peer.message(1)).metadataValue('served')).toBe("rpcx: can't find service None")
})

test('a plugin may keep a connection and close it later', async () => {
  const connections: ServerConnection[] = []
  const { server } = await served([{ connectionOpened: connection => void connections.push(connection) }])
  const opened = happening(server, 'connectionOpened')
  const peer = closing(await BarePeer.connect(portOf(server)))
  await opened
  connections[0]?.close()
  await peer.closed()
})
