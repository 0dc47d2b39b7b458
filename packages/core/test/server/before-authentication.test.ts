import { gzipSync } from 'node:zlib'
import type { Codec } from '@rpcx/core'
import { expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, portOf, serving } from '../helpers.ts'

const MIB = 1024 * 1024

/** Returns a codec that records what it decodes. */
function watched(): { codec: Codec; decoded: number[] } {
  const decoded: number[] = []
  const codec: Codec = {
    name: 'watched',
    id: 9,
    encode: value => Buffer.from(String(value)),
    decode(bytes) {
      decoded.push(bytes.length)
      return bytes.length
    },
  }
  return { codec, decoded }
}

test('no call is decompressed or decoded before its caller is authenticated', async () => {
  const { codec, decoded } = watched()
  const server = await serving(
    { S: { size: (bytes: number) => bytes } },
    { codecs: [codec], maxFrameBytes: MIB, authenticate: ({ token }) => token === 'good' },
  )
  const call = { service: 'S', method: 'size', serialize: 9, flags: Flag.gzip }
  // Larger than maxFrameBytes after decompression, which would be an error.
  const bomb = gzipSync(Buffer.alloc(100 * MIB))
  const unknownPeer = closing(await BarePeer.connect(portOf(server)))
  unknownPeer.send(frame({ ...call, metadata: { [ReservedKey.auth]: 'bad' }, payload: bomb }))
  expect((await unknownPeer.message(0)).metadataValue(ReservedKey.error)).toBe('invalid token')
  await unknownPeer.closed()
  expect(decoded).toEqual([])

  const friend = closing(await BarePeer.connect(portOf(server)))
  const metadata = { [ReservedKey.auth]: 'good' }
  friend.send(frame({ ...call, seq: 1, metadata, payload: bomb }))
  friend.send(frame({ ...call, seq: 2, metadata, payload: gzipSync(Buffer.alloc(100)) }))
  expect((await friend.message(0)).metadataValue(ReservedKey.error)).toMatch('longer than maxFrameBytes')
  expect((await friend.message(1)).payload.toString()).toBe('100')
  expect(decoded).toEqual([100])
})

test('a heartbeat returns unchanged, also when it would decompress to anything, or to nothing', async () => {
  const server = await serving({}, { authenticate: () => false })
  const peer = closing(await BarePeer.connect(portOf(server)))
  const beats = [gzipSync(Buffer.alloc(100 * MIB)), Buffer.from('no gzip')].map((payload, seq) =>
    frame({ seq, flags: Flag.heartbeat | Flag.gzip, payload, metadata: { any: 'thing' } }),
  )
  for (const beat of beats) peer.send(beat)
  await peer.message(1)
  for (const beat of beats) beat[2] = (beat[2] as number) | Flag.response
  expect(peer.bytes.equals(Buffer.concat(beats))).toBe(true)
})

test.each([
  ['a million pairs of metadata', frame({ service: 'S', method: 'm' }), 'pairs'],
  ['names of a megabyte', frame({ service: 'S'.repeat(MIB), method: 'm' }), 'names'],
])('%s close the connection', async (_what, bytes, kind) => {
  const server = await serving({ S: { m: () => 1 } })
  const peer = closing(await BarePeer.connect(portOf(server)))
  peer.send(kind === 'names' ? bytes : manyPairs(1_000_000))
  await peer.closed()
  expect(peer.messages).toEqual([])
})

test('calls that wait for authentication use few permits, and none of those that run calls', async () => {
  const verdict = new Gate<boolean>()
  const server = await serving(
    { S: { hi: () => 'hi' } },
    { maxConcurrentCalls: 200, authenticate: ({ token }) => (token === 'good' ? true : verdict.opened) },
  )
  const unknownPeer = closing(await BarePeer.connect(portOf(server)))
  for (let seq = 0; seq < 300; seq++)
    unknownPeer.send(frame({ seq, service: 'S', method: 'hi', payload: 'null' }))
  await unknownPeer.message(199)
  expect(
    unknownPeer.messages.every(
      message => message.metadataValue(ReservedKey.code) === 'ERR_RPCX_NOT_EXECUTED',
    ),
  ).toBe(true)
  expect(server.metrics.inFlight).toBe(100)
  expect(await clientOf<{ hi(): string }>('S', [server], { token: 'good' }).call('hi')).toBe('hi')
  verdict.open(false)
  await unknownPeer.closed()
})

test('rejected callers use no tokens of the rate limit of a service', async () => {
  const server = await serving(
    { S: { hi: () => 'hi' } },
    { rateLimit: { callsPerSecond: 0.001, burst: 2 }, authenticate: ({ token }) => token === 'good' },
  )
  for (let i = 0; i < 5; i++) {
    const unknownPeer = closing(await BarePeer.connect(portOf(server)))
    unknownPeer.send(frame({ service: 'S', method: 'hi', payload: 'null' }))
    await unknownPeer.closed()
  }
  const client = clientOf<{ hi(): string }>('S', [server], { token: 'good' })
  expect(await client.call('hi')).toBe('hi')
  expect(await client.call('hi')).toBe('hi')
  expect(await failure(client.call('hi'))).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
})

test('unauthenticated connections are the first to close when unfinished frames exceed their budget', async () => {
  const server = await serving(
    { S: { put: () => 'put' } },
    { maxUnfinishedBytes: 2 * MIB, authenticate: ({ token }) => token === 'good' },
  )
  const metadata = { [ReservedKey.auth]: 'good' }
  const friend = closing(await BarePeer.connect(portOf(server)))
  friend.send(frame({ service: 'S', method: 'put', payload: 'null', metadata }))
  await friend.message(0)
  const put = frame({ seq: 1, service: 'S', method: 'put', metadata, payload: Buffer.alloc(1.5 * MIB, 0xc0) })
  friend.send(put.subarray(0, 1.4 * MIB))
  const unknownPeers = await Promise.all(
    Array.from({ length: 12 }, () => BarePeer.connect(portOf(server)).then(closing)),
  )
  for (const unknownPeer of unknownPeers)
    unknownPeer.send(frame({ payload: Buffer.alloc(MIB) }).subarray(0, 80 * 1024))
  await Promise.race(unknownPeers.map(unknownPeer => unknownPeer.closed()))
  friend.send(put.subarray(1.4 * MIB))
  expect((await friend.message(1)).payload.toString()).toContain('put')
})

function manyPairs(count: number): Buffer {
  const metadata = Buffer.alloc(8 * count)
  const bytes = Buffer.alloc(16 + 4 + 4 + 4 + metadata.length + 4)
  bytes[0] = 8
  bytes.writeUInt32BE(bytes.length - 16, 12)
  bytes.writeUInt32BE(metadata.length, 24)
  return bytes
}
