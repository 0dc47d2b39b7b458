import type { Codec } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { TBinaryProtocol, TBufferedTransport, TFramedTransport, Thrift } from 'thrift'
import { expect, test } from 'vitest'
import { Serialize } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer, BareServer } from '../bare-peer.ts'
import { clientOf, closing, portOf } from '../helpers.ts'
import type { Colours } from './message.ts'
import { recordedPayloads, withAdded } from './message.ts'

/** Code as the Thrift compiler generates it for `struct { 1: i32 id, 2: string name, 3: list<string> colors }`. */
class ColoursStruct implements Colours {
  id = 0
  name = ''
  colors: string[] = []

  constructor(colours?: Colours) {
    Object.assign(this, colours)
  }

  write(output: TBinaryProtocol): void {
    output.writeStructBegin('Colours')
    output.writeFieldBegin('id', Thrift.Type.I32, 1)
    output.writeI32(this.id)
    output.writeFieldEnd()
    output.writeFieldBegin('name', Thrift.Type.STRING, 2)
    output.writeString(this.name)
    output.writeFieldEnd()
    output.writeFieldBegin('colors', Thrift.Type.LIST, 3)
    output.writeListBegin(Thrift.Type.STRING, this.colors.length)
    for (const colour of this.colors) output.writeString(colour)
    output.writeListEnd()
    output.writeFieldEnd()
    output.writeFieldStop()
    output.writeStructEnd()
  }

  read(input: TBinaryProtocol): void {
    input.readStructBegin()
    for (;;) {
      const { ftype, fid } = input.readFieldBegin()
      if (ftype === Thrift.Type.STOP) break
      if (fid === 1) this.id = input.readI32()
      else if (fid === 2) this.name = input.readString().toString()
      else if (fid === 3) this.#readColors(input)
      else input.skip(ftype)
      input.readFieldEnd()
    }
    input.readStructEnd()
  }

  #readColors(input: TBinaryProtocol): void {
    const { size } = input.readListBegin()
    for (let i = 0; i < size; i++) this.colors.push(input.readString().toString())
    input.readListEnd()
  }
}

type Struct = new (
  value?: never,
) => { write(output: TBinaryProtocol): void; read(input: TBinaryProtocol): void }

const codec: Codec = {
  name: 'thrift',
  id: Serialize.thrift,
  encode(value, type) {
    let bytes: Uint8Array = new Uint8Array()
    const transport = new TBufferedTransport(undefined, message => {
      if (message !== undefined) bytes = message
    })
    ;new (type as Struct)(value as never).write(new TBinaryProtocol(transport))
    transport.flush()
    return bytes
  },
  decode(bytes, type) {
    const value = new (type as Struct)()
    value.read(new TBinaryProtocol(new TFramedTransport(Buffer.from(bytes))))
    return value
  },
}
const types = { Echo: { args: ColoursStruct, reply: ColoursStruct } }
const [recorded] = recordedPayloads('thrift.echo') as [{ request: Buffer; reply: Buffer }]

test("Thrift structs of a Go client are read, and the replies equal Go's byte for byte", async () => {
  const server = closing(new Server({ codecs: [codec] }))
  server.registerName('TH', { Echo: withAdded }, '', { types })
  await server.serve('tcp', '127.0.0.1:0')
  const peer = closing(await BarePeer.connect(portOf(server)))
  peer.send(frame({ serialize: codec.id, service: 'TH', method: 'Echo', payload: recorded.request }))
  expect((await peer.message(0)).payload.toString('hex')).toBe(recorded.reply.toString('hex'))
})

test("Thrift structs equal Go's byte for byte, and Go's replies are read", async () => {
  const server = await BareServer.listen({
    onMessage: (message, peer) => peer.reply(message, { serialize: codec.id, payload: recorded.reply }),
  })
  const client = clientOf<{ Echo(args: Colours): Colours }>('TH', [closing(server)], { codec, types })
  const colours = { id: 150, name: 'grüp', colors: ['red', 'blue'] }
  expect(await client.call('Echo', colours)).toMatchObject(withAdded(colours))
  const sent = await (await server.peer(0)).message(0)
  expect(sent.serialize).toBe(Serialize.thrift)
  expect(sent.payload.toString('hex')).toBe(recorded.request.toString('hex'))
})
