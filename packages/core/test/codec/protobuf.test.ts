import type { Codec } from '@rpcx/core'
import { Server } from '@rpcx/core'
import protobuf from 'protobufjs'
import { expect, test } from 'vitest'
import { Serialize } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer, BareServer } from '../bare-peer.ts'
import { clientOf, closing, portOf } from '../helpers.ts'
import type { Colours } from './message.ts'
import { recordedPayloads, withAdded } from './message.ts'

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Colours { int32 id = 1; string name = 2; repeated string colors = 3; }
`)
const message = root.lookupType('Colours')

const codec: Codec = {
  name: 'protobuf',
  id: Serialize.protobuf,
  encode: (value, type) => (type as protobuf.Type).encode(value as Colours).finish(),
  decode: (bytes, type) =>
    (type as protobuf.Type).toObject((type as protobuf.Type).decode(bytes), { defaults: true }),
}
const types = { Echo: { args: message, reply: message } }
const recorded = recordedPayloads('protobuf.echo')

test("protobuf messages of a Go client are read, and the replies equal Go's byte for byte", async () => {
  const server = closing(new Server({ codecs: [codec] }))
  server.registerName('PB', { Echo: withAdded }, '', { types })
  await server.serve('tcp', '127.0.0.1:0')
  const peer = closing(await BarePeer.connect(portOf(server)))
  expect(recorded).toHaveLength(3)
  for (const [i, { request, reply }] of recorded.entries()) {
    peer.send(frame({ serialize: codec.id, service: 'PB', method: 'Echo', payload: request }))
    expect((await peer.message(i)).payload.toString('hex')).toBe(reply.toString('hex'))
  }
})

test("protobuf messages equal Go's byte for byte, and Go's replies are read", async () => {
  const { request, reply } = recorded[0] as (typeof recorded)[number]
  const server = await BareServer.listen({
    onMessage: (message, peer) => peer.reply(message, { serialize: codec.id, payload: reply }),
  })
  const client = clientOf<{ Echo(args: Colours): Colours }>('PB', [closing(server)], { codec, types })
  const colours = { id: 150, name: 'grüp', colors: ['red', 'blue'] }
  expect(await client.call('Echo', colours)).toEqual(withAdded(colours))
  const sent = await (await server.peer(0)).message(0)
  expect(sent.serialize).toBe(Serialize.protobuf)
  expect(sent.payload.toString('hex')).toBe(request.toString('hex'))
})

test('a protobuf message of only default values has no bytes, and is still such a message in both directions', async () => {
  const server = closing(new Server({ codecs: [codec] }))
  const echo = (value: Colours): Colours => value
  server.registerName('PB', { Echo: echo }, '', { types })
  await server.serve('tcp', '127.0.0.1:0')
  const client = clientOf<{ Echo(value: Colours): Colours }>('PB', [server], { codec, types })
  expect(await client.call('Echo', { id: 0, name: '', colors: [] })).toEqual({ id: 0, name: '', colors: [] })
})
