import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey, Serialize } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer, BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, happening, portOf, serving } from '../helpers.ts'
import { until } from '../until.ts'

const MIB = 1024 * 1024

const echo = { echo: (value: unknown) => value }

const errorOf = (message: Message) => ({
  code: message.metadataValue(ReservedKey.code),
  text: message.metadataValue(ReservedKey.error),
})

/** Returns MessagePack of an array of this many empty objects, one byte each. */
function objects(count: number): Buffer {
  const bytes = Buffer.alloc(5 + count, 0x80)
  bytes[0] = 0xdd
  bytes.writeUInt32BE(count, 1)
  return bytes
}

/** Returns MessagePack of a map with this many floats as keys. */
function floatKeys(count: number): Buffer {
  const bytes = Buffer.alloc(5 + 10 * count, 0xc0)
  bytes[0] = 0xdf
  bytes.writeUInt32BE(count, 1)
  for (let i = 0; i < count; i++) {
    bytes[5 + 10 * i] = 0xcb
    bytes.writeDoubleBE(i + 0.5, 6 + 10 * i)
  }
  return bytes
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

const json = (text: string) => ({ serialize: Serialize.json, payload: Buffer.from(text) })
const msgpack = (payload: Buffer) => ({ serialize: Serialize.msgpack, payload })

/** Returns MessagePack of a map with this many keys. All but the first are strings. */
function mixedKeys(count: number): Buffer {
  const head = Buffer.from([0xdf, 0, 0, 0, 0, 0xc0, 0xc0])
  head.writeUInt32BE(count, 1)
  const rest = Array.from({ length: count - 1 }, (_, i) =>
    Buffer.from([0xa4, ...Buffer.from(String(1000 + i)), 0xc0]),
  )
  return Buffer.concat([head, ...rest])
}

/** Payloads that cost far more to decode than they have bytes, and the option that forbids each. */
const COSTLY: readonly [string, { serialize: number; payload: Buffer }, string][] = [
  ['empty objects in MessagePack', msgpack(objects(1_000_001)), 'has more values than maxValues 1000000'],
  ['empty objects in JSON', json(`[${'{},'.repeat(500_000)}0]`), 'has more values than maxValues 1000000'],
  ['float keys in MessagePack', msgpack(floatKeys(4_097)), 'of more keys than maxMapKeys 4096'],
  ['text keys beside one that is none', msgpack(mixedKeys(4_097)), 'of more keys than maxMapKeys 4096'],
  [
    'arrays in arrays in MessagePack',
    msgpack(Buffer.from(`${'91'.repeat(101)}90`, 'hex')),
    'more than 100 levels deep',
  ],
  ['arrays in arrays in JSON', json(nested(10_000)), '10000 levels deep, more than maxDepth 100'],
]

describe('a payload that costs more than its bytes', () => {
  test.each(COSTLY)(
    'fails alone as arguments, plain or compressed: %s',
    async (_what, { serialize, payload }, text) => {
      const peer = closing(await BarePeer.connect(portOf(await serving({ Echo: echo }))))
      const call = { service: 'Echo', method: 'echo', serialize }
      peer.send(frame({ ...call, seq: 1, payload }))
      peer.send(frame({ ...call, seq: 2, flags: Flag.gzip, payload: gzipSync(payload) }))
      peer.send(frame({ ...call, seq: 3, serialize: Serialize.json, payload: '"next"' }))
      for (const index of [0, 1]) {
        const { code, text: told } = errorOf(await peer.message(index))
        expect(code).toBe('ERR_RPCX_ARGUMENT')
        expect(told).toContain(text)
      }
      expect((await peer.message(2)).payload.toString()).toBe('"next"')
    },
  )

  test.each(COSTLY)('fails alone as a reply: %s', async (_what, { serialize, payload }, text) => {
    const server = closing(
      await BareServer.listen({
        onMessage: (message, peer) => {
          const isCostly = message.method === 'costly'
          peer.reply(message, isCostly ? { serialize, payload } : { payload: '"next"' })
        },
      }),
    )
    const client = clientOf<{ costly(): void; cheap(): string }>('S', [server])
    const [costly, cheap] = await Promise.all([failure(client.call('costly')), client.call('cheap')])
    expect(costly).toMatchObject({ code: 'ERR_RPCX_CODEC', message: expect.stringContaining(text) })
    expect(cheap).toBe('next')
    expect(client.snapshot().endpoints[0]).toMatchObject({ state: 'open', errorShare: 0 })
  })

  test('is never a payload with fewer bytes than maxValues, and the limits are options', async () => {
    const server = await serving(
      { Echo: { echo: () => 'fine' } },
      { maxValues: 100, maxDepth: 3, maxMapKeys: 2 },
    )
    const peer = closing(await BarePeer.connect(portOf(server)))
    const call = { service: 'Echo', method: 'echo' }
    const sent = [
      msgpack(objects(95)),
      msgpack(objects(101)),
      json(`[${'0,'.repeat(48)}0]`),
      json(`[${'0,'.repeat(100)}0]`),
      json(nested(3)),
      json(nested(4)),
      msgpack(floatKeys(2)),
      msgpack(floatKeys(3)),
    ]
    for (const [seq, payload] of sent.entries()) peer.send(frame({ ...call, seq, ...payload }))
    await peer.message(sent.length - 1)
    const failed = peer.messages.filter(({ isError }) => isError).map(({ seq }) => seq)
    expect(failed).toEqual([1, 3, 5, 7])
  })

  test.each([
    [{ maxValues: 0 }, 'Server: maxValues is 0'],
    [{ maxDepth: 0.5 }, 'Server: maxDepth is 0.5'],
    [{ maxMapKeys: -1 }, 'Server: maxMapKeys is -1'],
    [{ maxHeldBytes: 0 }, 'Server: maxHeldBytes is 0'],
    [{ maxQueuedBytes: Number.NaN }, 'Server: maxQueuedBytes is NaN'],
    [{ maxUnreadBytes: -1 }, 'Server: maxUnreadBytes is -1'],
    [{ maxUnfinishedBytes: 0 }, 'Server: maxUnfinishedBytes is 0'],
  ])('%j is not a valid limit', async (options, text) => {
    await expect(serving({}, options)).rejects.toThrow(text)
  })
})

/** Starts a server whose calls run until the test releases them, and counts them. */
async function holding(options: object) {
  const gate = new Gate()
  let running = 0
  const hold = async (): Promise<number> => {
    running++
    await gate.opened
    return 1
  }
  const server = await serving({ Slow: { hold, hi: () => 'hi' } }, options)
  const peer = async (): Promise<BarePeer> => closing(await BarePeer.connect(portOf(server)))
  return { server, gate, peer, running: () => running }
}

describe('the memory of running calls', () => {
  const payload = gzipSync(Buffer.concat([Buffer.from([0xc6, 0, 0x10, 0, 0]), Buffer.alloc(MIB)]))
  const call = (seq: number): Buffer =>
    frame({ seq, flags: Flag.gzip, service: 'Slow', method: 'hold', payload, serialize: Serialize.msgpack })

  test('is counted after decompression: further calls of the connection wait, those of others run', async () => {
    const { server, gate, peer, running } = await holding({ maxHeldBytesPerConnection: 4 * MIB })
    const greedy = await peer()
    for (let seq = 0; seq < 20; seq++) greedy.send(call(seq))
    await until(() => server.metrics.queued === 16)
    expect(running()).toBe(4)
    const modest = await peer()
    modest.send(call(0))
    await until(() => running() === 5)
    gate.open(undefined)
    await Promise.all([greedy.message(19), modest.message(0)])
  })

  test('is bounded for the whole server', async () => {
    const { server, gate, peer, running } = await holding({
      maxHeldBytes: 4 * MIB,
      maxHeldBytesPerConnection: 4 * MIB,
    })
    const peers = await Promise.all([peer(), peer(), peer()])
    for (const each of peers) for (let seq = 0; seq < 4; seq++) each.send(call(seq))
    await until(() => server.metrics.queued === 8)
    expect(running()).toBe(4)
    gate.open(undefined)
    await Promise.all(peers.map(each => each.message(3)))
  })

  test('is counted by values, too, because a short payload may need much memory', async () => {
    const { server, gate, peer, running } = await holding({
      maxHeldBytes: 4 * MIB,
      maxHeldBytesPerConnection: 4 * MIB,
    })
    const client = await peer()
    for (let seq = 0; seq < 5; seq++)
      client.send(frame({ seq, service: 'Slow', method: 'hold', payload: objects(20_000), serialize: 3 }))
    await until(() => server.metrics.queued === 1)
    expect(running()).toBe(4)
    gate.open(undefined)
    await client.message(4)
  })

  test('is bounded for waiting calls, too: further ones did not run', async () => {
    const { server, gate, peer } = await holding({ maxConcurrentCalls: 1, maxQueuedBytes: MIB })
    const client = await peer()
    const big = Buffer.alloc(600_000, 0xc0)
    for (let seq = 0; seq < 4; seq++)
      client.send(frame({ seq, service: 'Slow', method: 'hold', payload: big, serialize: 3 }))
    const refused = await client.message(0)
    expect(refused.seq).toBe(2)
    expect(errorOf(refused)).toEqual({
      code: 'ERR_RPCX_NOT_EXECUTED',
      text: 'rpcx: the server is overloaded: too many calls',
    })
    expect(server.metrics.queued).toBe(1)
    gate.open(undefined)
    await client.message(3)
  })
})

test('the memory of running and waiting calls is released, however they end', async () => {
  const options = {
    maxConcurrentCalls: 1,
    maxHeldBytes: MIB,
    maxHeldBytesPerConnection: MIB,
    maxQueuedBytes: MIB,
  }
  const server = await serving({ S: { slow: () => new Promise(resolve => setImmediate(resolve)) } }, options)
  const call = (seq: number): Buffer =>
    frame({ seq, service: 'S', method: 'slow', payload: Buffer.alloc(1024, 0xc0), serialize: 3 })
  // Far more than the budgets in all, in chunks of which some calls run while others wait.
  for (let round = 0; round < 60; round++) {
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(Buffer.concat(Array.from({ length: 60 }, (_, seq) => call(seq))))
    // Each third one goes while its calls wait.
    if (round % 3 === 0) await peer.message(0)
    else await peer.message(59)
    expect(peer.messages.every(({ isError }) => !isError)).toBe(true)
    peer.close()
  }
  await until(() => server.metrics.inFlight === 0 && server.metrics.queued === 0)
  const last = closing(await BarePeer.connect(portOf(server)))
  last.send(Buffer.concat(Array.from({ length: 60 }, (_, seq) => call(seq))))
  await last.message(59)
  expect(last.messages.every(({ isError }) => !isError)).toBe(true)
})

test('a connection’s waiting calls are bounded by their bytes, whatever others use', async () => {
  const { server, gate, peer } = await holding({ maxConcurrentCalls: 1, maxQueuedBytes: 4 * MIB })
  const [many, large] = await Promise.all([peer(), peer()])
  for (let seq = 0; seq < 400; seq++)
    many.send(frame({ seq, service: 'Slow', method: 'hold', payload: 'null', serialize: 1 }))
  await until(() => server.metrics.queued === 399)
  for (let seq = 0; seq < 20; seq++)
    large.send(
      frame({ seq, service: 'Slow', method: 'hold', payload: Buffer.alloc(MIB, 0xc0), serialize: 3 }),
    )
  await large.message(16)
  expect(large.messages.every(({ isError }) => isError)).toBe(true)
  expect(server.metrics.queued).toBeLessThanOrEqual(402)
  gate.open(undefined)
  await Promise.all([many.message(399), large.message(19)])
})

test('replies to a closed connection are not kept', async () => {
  const gate = new Gate()
  const services = {
    S: { big: () => gate.opened.then(() => Buffer.alloc(MIB)), wait: () => new Promise(() => {}) },
  }
  const server = await serving(services, { drainMs: 0 })
  const peer = closing(await BarePeer.connect(portOf(server)))
  for (let seq = 0; seq < 300; seq++) peer.send(frame({ seq, service: 'S', method: 'big', payload: 'null' }))
  peer.send(frame({ seq: 300, service: 'S', method: 'wait', payload: 'null' }))
  await until(() => server.metrics.inFlight === 301)
  peer.socket.resetAndDestroy()
  await until(() => server.metrics.openConnections === 0)
  const before = process.memoryUsage().arrayBuffers
  gate.open(undefined)
  await until(() => server.metrics.inFlight === 1)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await until(() => {
    collect()
    return process.memoryUsage().arrayBuffers - before < 10 * MIB
  })
})

describe('unread replies', () => {
  /** Starts a server whose methods end together, with replies of this many bytes. */
  async function replying(bytes: number, options: object) {
    const gate = new Gate()
    let running = 0
    const big = async (): Promise<Buffer> => {
      running++
      await gate.opened
      return Buffer.alloc(bytes)
    }
    const server = await serving({ S: { big, hi: () => 'hi' } }, options)
    const peer = async (): Promise<BarePeer> => closing(await BarePeer.connect(portOf(server)))
    const ask = (count: number): Buffer =>
      Buffer.concat(
        Array.from({ length: count }, (_, seq) =>
          frame({ seq, service: 'S', method: 'big', payload: 'null', serialize: 3 }),
        ),
      )
    return { server, gate, peer, ask, running: () => running }
  }

  test('fail beyond maxUnreadBytesPerConnection, after their calls have run, with a short error reply', async () => {
    const { server, gate, peer, ask, running } = await replying(MIB, { maxUnreadBytesPerConnection: 8 * MIB })
    const deaf = await peer()
    deaf.socket.pause()
    deaf.send(ask(100))
    await until(() => running() === 100)
    gate.open(undefined)
    await until(() => (server.metrics.errors.get('ERR_RPCX_FRAME') ?? 0) > 80)
    // A client that reads again gets all replies.
    deaf.socket.resume()
    await deaf.message(99)
    const failed = deaf.messages.filter(({ isError }) => isError)
    expect(failed.length).toBe(server.metrics.errors.get('ERR_RPCX_FRAME'))
    for (const message of failed) {
      expect(errorOf(message)).toEqual({
        code: 'ERR_RPCX_FRAME',
        text: expect.stringMatching(
          /^S\.big: has run, but its reply of \d+ bytes is not sent: .* maxUnreadBytesPerConnection allows$/,
        ),
      })
    }
    expect(deaf.messages.filter(({ isError }) => !isError).length).toBeGreaterThanOrEqual(8)
  })

  test('close the connection with the most of them, once all together exceed maxUnreadBytes', async () => {
    const { server, gate, peer, ask, running } = await replying(MIB, {
      maxUnreadBytes: 8 * MIB,
      maxUnreadBytesPerConnection: 8 * MIB,
    })
    const [little, much] = await Promise.all([peer(), peer()])
    for (const each of [little, much]) each.socket.pause()
    much.send(ask(9))
    await until(() => running() === 9)
    little.send(ask(6))
    await until(() => running() === 15)
    const closed = happening(server, 'connectionClosed')
    gate.open(undefined)
    const { error, remoteAddress } = await closed
    expect(remoteAddress).toBe(`tcp@127.0.0.1:${much.socket.localPort}`)
    expect(error).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
    expect(error?.message).toMatch(
      /^\d+ bytes that the client has not read, the most of all connections, which together exceed maxUnreadBytes 8388608$/,
    )
    expect(server.metrics.failedConnections).toBe(1)
    little.socket.resume()
    await little.message(5)
  })
})

test('unfinished frames close the connection with the most of them, once all together exceed maxUnfinishedBytes', async () => {
  const server = await serving({ Echo: echo }, { maxUnfinishedBytes: 4 * MIB })
  const [little, much] = await Promise.all([0, 1].map(() => BarePeer.connect(portOf(server)).then(closing)))
  const long = frame({ service: 'Echo', method: 'echo', payload: Buffer.alloc(3 * MIB, 0xc0) })
  little?.send(long.subarray(0, MIB))
  const closed = happening(server, 'connectionClosed')
  const port = much?.socket.localPort
  much?.send(frame({ payload: Buffer.alloc(8 * MIB) }).subarray(0, 5 * MIB))
  expect(await closed).toMatchObject({
    remoteAddress: `tcp@127.0.0.1:${port}`,
    error: { code: 'ERR_RPCX_UNAVAILABLE', message: expect.stringMatching(/maxUnfinishedBytes 4194304$/) },
  })
  little?.send(long.subarray(MIB))
  await little?.message(0)
})

describe('a server that calls its client', () => {
  const ask = (seq: number, method: string): Buffer => frame({ seq, method, payload: Buffer.from([0xc0]) })

  test('is disconnected when it leaves more replies unread than maxBufferedBytes allows', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<{ hi(): void }>('S', [server], {
      offers: { big: () => Buffer.alloc(MIB) },
      maxBufferedBytes: 4 * MIB,
    })
    const call = failure(client.call('hi'))
    const peer = await server.peer(0)
    await peer.message(1)
    peer.socket.pause()
    for (let seq = 0; seq < 50; seq++) peer.send(ask(seq, 'big'))
    const error = await call
    expect(error).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
    expect((error.cause as Error).cause).toMatchObject({
      message: expect.stringMatching('leaves unread more answers to its calls than maxBufferedBytes 4194304'),
    })
  })

  test('learns that a call did not run when the running ones use too much memory', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<{ hi(): void }>('S', [server], {
      offers: { wait: () => new Promise(() => {}) },
      maxBufferedBytes: MIB,
    })
    const call = failure(client.call('hi'))
    const peer = await server.peer(0)
    await peer.message(1)
    for (let seq = 0; seq < 4; seq++)
      peer.send(frame({ seq, method: 'wait', payload: objects(10_000), serialize: Serialize.msgpack }))
    const refused = await peer.message(2)
    expect(errorOf(refused).code).toBe('ERR_RPCX_NOT_EXECUTED')
    await client.close()
    await call
  })
})
