import { once } from 'node:events'
import { connect } from 'node:net'
import type { CallContext, Door } from '@rpcx/core'
import { Server, ServiceError } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Gate } from '../gate.ts'
import { clientOf, closing, happening, portOf, serving } from '../helpers.ts'
import { LineClient, lineDoor } from '../line-door.ts'
import { until } from '../until.ts'

interface Work {
  double(n: number, context: CallContext): number
  wait(): Promise<string>
  forEver(args: unknown, context: CallContext): Promise<never>
  fail(): never
}

function work(gate = new Gate(), aborted = new Gate<unknown>()): Work {
  return {
    double: n => 2 * n,
    async wait() {
      await gate.opened
      return 'done'
    },
    forEver(_args, { signal }) {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.open(signal.reason)
          reject(signal.reason)
        })
      })
    },
    fail() {
      throw new ServiceError('OUT_OF_STOCK', 'none left')
    },
  }
}

async function lines(server: Server): Promise<LineClient> {
  const client = await LineClient.connect(server.address as string)
  closing({ close: () => client.socket.destroy() })
  return client
}

describe('a door of another protocol', () => {
  test('calls registered methods, on the same address as rpcx', async () => {
    const server = await serving({ Work: work() }, { doors: [lineDoor] })
    const client = await lines(server)
    expect(await client.call('Work.double', 21)).toBe('OK 42')
    expect(await client.call('Work.fail', null)).toBe('ERR ERR_RPCX_SERVICE none left')
    expect(await client.call('Work.nothing', null)).toMatch(/^ERR ERR_RPCX_METHOD_NOT_FOUND /)
    expect(await clientOf<Work>('Work', [server]).call('double', 4)).toBe(8)
    expect(await client.call('_health.Check', null)).toBe('OK {"status":"ready"}')
  })

  test('gets its first bytes in as many pieces as they come', async () => {
    const server = await serving({ Work: work() }, { doors: [lineDoor] })
    const client = await LineClient.connect(server.address as string, 'LI')
    closing({ close: () => client.socket.destroy() })
    client.socket.write('NES/')
    client.socket.write('1\n')
    expect(await client.call('Work.double', 1)).toBe('OK 2')
  })

  test('authenticates its callers', async () => {
    const authenticate = ({ token }: CallContext): boolean => token === 'good'
    const server = await serving({ Work: work() }, { doors: [lineDoor], authenticate })
    const client = await lines(server)
    expect(await client.call('Work.double', 1, { token: 'good' })).toBe('OK 2')
    const unknownPeer = await lines(server)
    expect(await unknownPeer.call('Work.double', 1)).toMatch(/^ERR ERR_RPCX_AUTH /)
    await once(unknownPeer.socket, 'end')
  })

  test('limits its calls, and queues them', async () => {
    const gate = new Gate()
    const options = { doors: [lineDoor], maxConcurrentCalls: 1, maxQueuedCalls: 1 }
    const server = await serving({ Work: work(gate) }, options)
    const client = await lines(server)
    const first = client.call('Work.wait', null)
    await until(() => server.metrics.inFlight === 1)
    const second = client.call('Work.double', 2)
    await until(() => server.metrics.queued === 1)
    expect(await client.call('Work.double', 3)).toBe(
      'ERR ERR_RPCX_NOT_EXECUTED rpcx: the server is overloaded: too many calls',
    )
    gate.open()
    expect([await first, await second]).toEqual(['OK "done"', 'OK 4'])
    const limited = await serving(
      { Work: work() },
      { doors: [lineDoor], rateLimit: { callsPerSecond: 1e-3, burst: 1 } },
    )
    const busy = await lines(limited)
    expect(await busy.call('Work.double', 1)).toBe('OK 2')
    expect(await busy.call('Work.double', 1)).toMatch(/too many calls a second$/)
  })

  test('aborts a call at its deadline, and when its client disconnects', async () => {
    const aborted = new Gate<unknown>()
    const server = await serving({ Work: work(new Gate(), aborted) }, { doors: [lineDoor] })
    const client = await lines(server)
    expect(await client.call('Work.forEver', null, { timeoutMs: 20 })).toBe(
      'ERR ERR_RPCX_SERVICE context deadline exceeded',
    )
    const gone = new Gate<unknown>()
    const other = await serving({ Work: work(new Gate(), gone) }, { doors: [lineDoor] })
    const leaving = await lines(other)
    void leaving.call('Work.forEver', null)
    await until(() => other.metrics.inFlight === 1)
    leaving.socket.destroy()
    expect(await gone.opened).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })

  test('is drained and counted like rpcx, and runs the same hooks', async () => {
    const gate = new Gate()
    const server = closing(new Server({ doors: [lineDoor], lingerMs: 0, noticeMs: 0 }))
    const seen: string[] = []
    server.plugins.add({
      attach: () => ({
        connectionOpened: () => void seen.push('opened'),
        beforeCall: ({ service, method }) => void seen.push(`${service}.${method}`),
        around: async (_call, args, next) => next(args),
        connectionClosed: () => void seen.push('closed'),
      }),
    })
    server.registerName('Work', work(gate))
    await server.serve('tcp', '127.0.0.1:0')
    const client = await lines(server)
    const running = client.call('Work.wait', null)
    await until(() => server.metrics.inFlight === 1)
    const closed = server.close()
    await until(() => server.health === 'draining')
    const ended = once(client.socket, 'end')
    await until(() => seen.includes('Work.wait'))
    gate.open()
    expect(await running).toBe('OK "done"')
    await ended
    client.socket.end()
    await closed
    expect(seen).toEqual(['opened', 'Work.wait', 'closed'])
    expect(server.metrics.toJSON()).toMatchObject({
      receivedCalls: 1,
      acceptedConnections: 1,
    })
    const waits = [...server.metrics.methods].find(({ method }) => method === 'wait')
    expect(waits).toMatchObject({ calls: 1, inFlight: 0, receivedBytes: 4, sentBytes: 6 })
  })
})

describe('a connection that matches no door', () => {
  test('is closed with the error of one that does not speak rpcx', async () => {
    const server = await serving({ Work: work() }, { doors: [lineDoor] })
    const gone = happening(server, 'connectionClosed')
    const socket = connect(portOf(server), '127.0.0.1')
    closing({ close: () => socket.destroy() })
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\n\r\n')
    expect(await gone).toMatchObject({ error: { code: 'ERR_RPCX_FRAME' } })
  })

  test('and sends nothing is idle, is counted, and does not keep the server from closing', async () => {
    const options = { doors: [lineDoor], idleTimeoutMs: 60, maxConnections: 1 }
    const server = await serving({ Work: work() }, options)
    const socket = connect(portOf(server), '127.0.0.1')
    await until(() => server.metrics.openConnections === 1)
    const refused = happening(server, 'connectionRefused')
    const other = connect(portOf(server), '127.0.0.1').on('error', () => {})
    expect(await refused).toMatchObject({ error: { code: 'ERR_RPCX_UNAVAILABLE' } })
    other.destroy()
    await once(socket.resume(), 'close')
    await until(() => server.metrics.openConnections === 0)
    const silent = connect(portOf(server), '127.0.0.1')
    const gone = once(silent.resume(), 'close')
    await until(() => server.metrics.openConnections === 1)
    await server.close()
    await gone
  })
})

test('a door that throws is reported, and gets no connection', async () => {
  const broken: Door = {
    matches() {
      throw new Error('no idea')
    },
    open: lineDoor.open,
  }
  const deaf: Door = {
    matches: lineDoor.matches,
    open() {
      throw new Error('stuck')
    },
  }
  const server = await serving({ Work: work() }, { doors: [broken, deaf] })
  const told: string[] = []
  server.on('callbackFailed', ({ callback, error }) => told.push(`${callback}: ${error.message}`))
  const client = await lines(server)
  await once(client.socket, 'close')
  expect(told).toEqual(['doors: no idea', 'doors: stuck'])
  expect(await clientOf<Work>('Work', [server]).call('double', 4)).toBe(8)
  expect(server.metrics.openConnections).toBe(1)
  expect(() => new Server({ doors: [{} as never] })).toThrow('doors[0] is not a door: it has no matches()')
})
