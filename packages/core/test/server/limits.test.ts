import { gzipSync } from 'node:zlib'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, MAGIC, Offset, ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, happening, portOf, serving } from '../helpers.ts'
import { Program } from '../program.ts'

const echo = { echo: (value: unknown) => value }

const request = (payload = 'null', flags = 0): Buffer =>
  frame({ flags, service: 'Echo', method: 'echo', payload })

function lying(offset: number, value: number): Buffer {
  const bytes = request()
  bytes.writeUInt32BE(value, offset)
  return bytes
}

async function peerOf(server: Server): Promise<BarePeer> {
  return closing(await BarePeer.connect(portOf(server)))
}

describe('bytes that are not a frame', () => {
  test.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'begins with 0x47'],
    ['a service name longer than the frame', lying(Offset.body, 1_000), 'service of 1000 bytes exceeds'],
    ['a body too short for its fields', frameOf(3), 'ends before the length'],
    ['an unknown compression', request('null', 0x08), 'unknown compression 2'],
    ['broken gzip', request('no gzip', Flag.gzip), 'gzip payload of 7 bytes'],
  ])('close only that connection, with the reason in connectionClosed: %s', async (_what, bytes, text) => {
    const server = await serving({ Echo: echo })
    const bystander = await peerOf(server)
    const culprit = await peerOf(server)
    const closed = happening(server, 'connectionClosed')
    culprit.send(bytes)
    const { error, remoteAddress } = await closed
    expect(error).toMatchObject({ code: 'ERR_RPCX_FRAME' })
    expect(error?.message).toMatch(text)
    expect(remoteAddress).toBe(`tcp@127.0.0.1:${culprit.socket.localPort}`)
    await culprit.closed()
    bystander.send(request('"still here"'))
    expect((await bystander.message(0)).payload.toString()).toBe('"still here"')
  })

  test('do not drop the replies to the calls before them', async () => {
    const peer = await peerOf(await serving({ Echo: echo }))
    peer.send(Buffer.concat([request('"first"'), Buffer.from('garbage')]))
    expect((await peer.message(0)).payload.toString()).toBe('"first"')
    await peer.closed()
  })

  test('are not the reason when a client just disconnects', async () => {
    const server = await serving({ Echo: echo })
    const peer = await peerOf(server)
    const closed = happening(server, 'connectionClosed')
    peer.socket.end()
    expect(await closed).toEqual({ remoteAddress: `tcp@127.0.0.1:${peer.socket.localPort}` })
  })
})

describe('maxFrameBytes', () => {
  test('rejects a longer call by its header, before the body comes, and reads the next frame', async () => {
    const server = await serving({ Echo: echo }, { maxFrameBytes: 1_000 })
    const peer = await peerOf(server)
    const long = frame({ seq: 7, service: 'Echo', method: 'echo', payload: 'x'.repeat(2_000) })
    const bytes = long.length - Offset.body
    peer.send(long.subarray(0, Offset.body))
    const reply = await peer.message(0)
    expect(reply).toMatchObject({ seq: 7, isError: true })
    expect({ ...reply.metadata }).toEqual({
      [ReservedKey.code]: 'ERR_RPCX_FRAME',
      [ReservedKey.error]: `the call: ${bytes} bytes, more than maxFrameBytes 1000`,
    })
    peer.send(Buffer.concat([long.subarray(Offset.body), request('"next"')]))
    expect((await peer.message(1)).payload.toString()).toBe('"next"')
    expect(server.metrics.errors.get('ERR_RPCX_FRAME')).toBe(1)
  })

  test('closes the connection of a frame whose length cannot be real', async () => {
    const server = await serving({ Echo: echo }, { maxFrameBytes: 1_000 })
    const peer = await peerOf(server)
    const closed = happening(server, 'connectionClosed')
    peer.send(lying(Offset.length, 16_001).subarray(0, Offset.body))
    expect((await closed).error).toMatchObject({
      code: 'ERR_RPCX_FRAME',
      message: 'frame: 16001 bytes, more than maxFrameBytes 1000',
    })
  })

  test('accepts a frame of exactly that length', async () => {
    const empty = request('').length - Offset.body
    const server = await serving({ Echo: echo }, { maxFrameBytes: 1_000 })
    const peer = await peerOf(server)
    const text = 'x'.repeat(1_000 - empty - 2)
    peer.send(request(JSON.stringify(text)))
    expect(JSON.parse((await peer.message(0)).payload.toString())).toBe(text)
  })

  test('counts a payload after decompression, and only that call fails', async () => {
    const server = await serving({ Echo: echo }, { maxFrameBytes: 100_000 })
    const peer = await peerOf(server)
    const payload = gzipSync(Buffer.alloc(1_000_000, 'a'))
    peer.send(frame({ flags: Flag.gzip, service: 'Echo', method: 'echo', payload }))
    expect({ ...(await peer.message(0)).metadata }).toEqual({
      [ReservedKey.code]: 'ERR_RPCX_FRAME',
      [ReservedKey.error]: `frame: gzip payload of ${payload.length} bytes is longer than maxFrameBytes 100000 when it is decompressed`,
    })
    peer.send(request('"next"'))
    expect((await peer.message(1)).payload.toString()).toBe('"next"')
  })

  test.each([0, 15, 1.5, Number.NaN, -1])('rejects %d', value => {
    expect(() => new Server({ maxFrameBytes: value })).toThrow(RangeError)
  })
})

test.each([
  [{ idleTimeoutMs: -1 }, 'Server: idleTimeoutMs is -1'],
  [{ drainMs: Number.NaN }, 'Server: drainMs is NaN'],
  [{ lingerMs: 2 ** 31 }, 'Server: lingerMs is 2147483648'],
  [{ startTimeoutMs: Number.POSITIVE_INFINITY }, 'Server: startTimeoutMs is Infinity'],
])('a server rejects %j', (options, text) => {
  expect(() => new Server(options)).toThrow(RangeError)
  expect(() => new Server(options)).toThrow(text)
})

describe('idleTimeoutMs', () => {
  test('closes a connection on which nothing came for that long', async () => {
    const server = await serving({ Echo: echo }, { idleTimeoutMs: 100 })
    const closed = happening(server, 'connectionClosed')
    const start = performance.now()
    const peer = await peerOf(server)
    expect((await closed).error).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    expect(performance.now() - start).toBeGreaterThanOrEqual(95)
    await peer.closed()
  })

  test('keeps a connection with a running call until that has its reply', async () => {
    const leave = new Gate()
    const wait = async (): Promise<string> => {
      await leave.opened
      return 'done'
    }
    const server = await serving({ Echo: { echo: wait } }, { idleTimeoutMs: 50 })
    const busy = await peerOf(server)
    busy.send(request())
    const idle = await peerOf(server)
    await idle.closed()
    // Both were silent for that long, and the busy one for even longer.
    expect(busy.isClosed).toBe(false)
    leave.open()
    expect((await busy.message(0)).payload.toString()).toBe('"done"')
    await busy.closed()
  })

  test('counts heartbeats as activity, and returns them byte for byte', async () => {
    const server = await serving({ Echo: echo }, { idleTimeoutMs: 200 })
    const peer = await peerOf(server)
    const silent = await peerOf(server)
    const beat = frame({ flags: Flag.heartbeat, seq: 7, payload: Buffer.from('any payload') })
    const beats = setInterval(() => peer.send(beat), 20)
    await silent.closed()
    clearInterval(beats)
    expect(peer.isClosed).toBe(false)
    beat[Offset.flags] = Flag.heartbeat | Flag.response
    expect((await peer.message(0)).frame).toEqual(beat)
  })
})

describe('a client that does not read', () => {
  test('makes the server stop reading, and gets everything once it reads again', async () => {
    const total = 400
    let calls = 0
    const big = (): Buffer => {
      calls++
      return Buffer.alloc(128 * 1024)
    }
    const server = await serving({ Echo: { ...echo, big } })
    const slow = await peerOf(server)
    slow.socket.pause()
    const bulk = JSON.stringify('x'.repeat(16 * 1024))
    for (let seq = 0; seq < total; seq++) {
      slow.send(frame({ seq, service: 'Echo', method: 'big', payload: bulk }))
    }
    // While another client got this many replies, a server that kept reading would have read everything.
    const other = clientOf<typeof echo>('Echo', [server])
    for (let i = 0; i < 1_000; i++) await other.call('echo', i)
    expect(calls).toBeGreaterThan(0)
    expect(calls).toBeLessThan(total / 2)
    slow.socket.resume()
    await slow.message(total - 1)
    expect(calls).toBe(total)
  })

  test('gets replies to all of many calls that it sent at once', async () => {
    const big = (): Uint8Array => new Uint8Array(64 * 1024)
    const server = await serving({ Echo: { big } }, { maxQueuedCalls: 1 })
    const client = clientOf<{ big(): Uint8Array }>('Echo', [server])
    await Promise.all(Array.from({ length: 1_000 }, () => client.call('big')))
  })

  test('is closed after idleTimeoutMs', async () => {
    const server = await serving(
      { Echo: { big: () => Buffer.alloc(32 * 1024 * 1024) } },
      { idleTimeoutMs: 100 },
    )
    const slow = await peerOf(server)
    slow.socket.pause()
    const closed = happening(server, 'connectionClosed')
    slow.send(frame({ service: 'Echo', method: 'big', payload: 'null' }))
    expect((await closed).error).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
  })
})

test('listeners that throw or reject are reported, break no connection, and do not affect other listeners', async () => {
  const program = closing(new Program('throwing-listener'))
  expect(await program.line(0)).toBe('replied before and after: 1 2')
  expect(await program.line(1)).toBe('heard beside them: connectionOpened, connectionClosed')
  expect(await program.line(2)).toBe(
    'told: listener of connectionOpened: of connectionOpened, listener of connectionClosed: of connectionClosed',
  )
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(program.stderr).toMatch(/RPCX_CALLBACK.*listener of callbackFailed of a server failed: of a failure/)
})

/** Returns a frame whose body has this many bytes, which are too few. */
function frameOf(length: number): Buffer {
  const bytes = Buffer.alloc(Offset.body + length)
  bytes[Offset.magic] = MAGIC
  bytes.writeUInt32BE(length, Offset.length)
  return bytes
}
