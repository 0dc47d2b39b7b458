import { MultipleServersDiscovery, Server, XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, happening, keys, serving } from '../helpers.ts'
import { isPosix } from '../platform.ts'
import { Program } from '../program.ts'

interface S {
  hi(): string
}

const service = { hi: () => 'hi' }

describe('readyWhen', () => {
  test('keeps calls out, health at starting and the registry empty until it resolves', async () => {
    const gate = new Gate()
    const server = closing(new Server({ readyWhen: () => gate.opened, lingerMs: 0 }))
    const listened: string[] = []
    server.plugins.add({ attach: () => ({ listening: async address => void listened.push(address) }) })
    server.registerName('S', service)
    const serving = server.serve('tcp', '127.0.0.1:0')
    while (server.address === undefined) await new Promise(resolve => setImmediate(resolve))
    const client = clientOf<S>('S', [server])
    const error = await failure(client.call('hi'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
    expect(error.message).toMatch('rpcx: the server is starting')
    const health = clientOf<{ Check(): { status: string } }>('_health', [server])
    expect(await health.call('Check')).toEqual({ status: 'starting' })
    expect(listened).toEqual([])
    gate.open(undefined)
    await serving
    expect(listened).toEqual([server.address])
    expect(server.health).toBe('ready')
    expect(await clientOf<S>('S', [server]).call('hi')).toBe('hi')
  })

  test('that rejects makes serve() reject, and closes the server', async () => {
    const server = new Server({ readyWhen: () => Promise.reject(new Error('no database')), lingerMs: 0 })
    server.registerName('S', service)
    await expect(server.serve('tcp', '127.0.0.1:0')).rejects.toThrow('no database')
    expect(server.health).toBe('closed')
  })

  test('that never resolves does not keep the server from closing', async () => {
    const server = new Server({ readyWhen: () => new Promise(() => {}), lingerMs: 0 })
    server.registerName('S', service)
    const started = failure(server.serve('tcp', '127.0.0.1:0'))
    while (server.address === undefined) await new Promise(resolve => setImmediate(resolve))
    await server.close()
    expect(await started).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })
})

describe('what a server owns', () => {
  test('stays open for the calls that drain, and is closed after them, last one first', async () => {
    const further = await serving({ S: service })
    const told: string[] = []
    const discovery = new MultipleServersDiscovery(keys([further]))
    const client = new XClient<S>('S', discovery)
    const watched = (name: string, inner: AsyncDisposable): AsyncDisposable => ({
      async [Symbol.asyncDispose]() {
        told.push(name)
        await inner[Symbol.asyncDispose]()
      },
    })
    const arrived = new Gate()
    const leave = new Gate()
    const relay = async (): Promise<string> => {
      arrived.open(undefined)
      await leave.opened
      const answer = await client.call('hi')
      told.push('call')
      return answer
    }
    const server = await serving(
      { Relay: { relay } },
      { owns: [watched('discovery', discovery), watched('client', client)], noticeMs: 0 },
    )
    const call = clientOf<{ relay(): string }>('Relay', [server]).call('relay')
    await arrived.opened
    const closed = server.close()
    leave.open(undefined)
    expect(await call).toBe('hi')
    await closed
    expect(told).toEqual(['call', 'client', 'discovery'])
    expect(await failure(client.call('hi'))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })

  test('and fails to close does not keep the rest from closing', async () => {
    const told: string[] = []
    const server = await serving(
      { S: service },
      {
        owns: [
          { [Symbol.asyncDispose]: async () => void told.push('closed') },
          { [Symbol.asyncDispose]: () => Promise.reject(new Error('boom')) },
        ],
      },
    )
    const failed = happening(server, 'callbackFailed')
    await server.close()
    expect(await failed).toMatchObject({
      callback: 'close of what the server owns',
      error: { message: 'boom' },
    })
    expect(told).toEqual(['closed'])
    expect(() => new Server({ owns: [{} as never] })).toThrow(
      'Server: owns[0] cannot be closed: it has no [Symbol.asyncDispose]()',
    )
  })

  test.runIf(isPosix)('is closed when the process gets SIGTERM', async () => {
    const program = closing(new Program('relaying-server'))
    await program.line(0)
    program.signal('SIGTERM')
    expect(await program.exit).toEqual({ code: 0, signal: null })
  })
})

test('publicHealth answers a health probe without a token, and nothing else', async () => {
  const authenticate = ({ token }: { token: string }): boolean => token === 'good'
  const server = await serving({ S: service }, { authenticate, publicHealth: true })
  const health = clientOf<{ Check(): { status: string } }>('_health', [server])
  expect(await health.call('Check')).toEqual({ status: 'ready' })
  expect(await failure(clientOf<S>('S', [server]).call('hi'))).toMatchObject({ code: 'ERR_RPCX_AUTH' })
  const closed = await serving({ S: service }, { authenticate })
  const refused = clientOf<{ Check(): unknown }>('_health', [closed]).call('Check')
  expect(await failure(refused)).toMatchObject({ code: 'ERR_RPCX_AUTH' })
})
