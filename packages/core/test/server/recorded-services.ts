import { setTimeout as delay } from 'node:timers/promises'
import type { CallContext, Server } from '@rpcx/core'
import type { Codec } from '../../src/codec/codec.ts'
import { Float32 } from '../../src/codec/float32.ts'

/** Registers the services of the recorded Go server, as far as the recordings call them. */
export function offerRecordedServices(server: Server): void {
  server.registerName('Arith', arith)
  server.registerName('中文服务', arith)
  server.registerName('One', { Way: arith.Mul })
  server.registerName('Raw', { Echo: (bytes: Buffer) => bytes })
  server.registerName('PB', { Echo: addProtobufColour })
  server.registerName('TH', { Echo: addThriftColour })
  server.registerName('Types', types)
  server.registerName('Push', { Me: pushTwice })
  server.registerFunction('Fn', arith.Mul, '', { name: 'mul' })
  server.registerFunction('Fn', () => Promise.reject(new Error('fn failed')), '', { name: 'fail' })
}

/** Hand on the bytes of a message, so that only the way of a custom codec is tested, not the codec. */
export const protobuf: Codec = bytesAs('protobuf', 2)
export const thrift: Codec = bytesAs('thrift', 4)

interface Args {
  A?: number
  B?: number
}

const arith = {
  Mul: ({ A = 0, B = 0 }: Args) => ({ C: integer('A', A) * integer('B', B) }),
  Big: ({ N }: { N: number }) => ({ Data: null, Text: 'ab'.repeat(N / 2) }),
  BigBytes: ({ N }: { N: number }) => ({ Data: Buffer.alloc(N).map((_, i) => i % 251), Text: '' }),
  Noop: () => ({}),

  Meta: (_: object, { metadata, responseMetadata }: CallContext) => {
    for (const [key, value] of Object.entries(metadata)) responseMetadata[`res-${key}`] = `${value}!`
    return { Seen: metadata }
  },
  MetaFail: (_: object, { responseMetadata }: CallContext) => {
    responseMetadata.kept = 'yes'
    throw new Error('failed with metadata')
  },

  Fail: () => Promise.reject(new Error('boom: ünï')),
  FailPartial: () => Promise.reject(new Error('boom after filling C=7')),
  FailEmptyText: () => Promise.reject(new Error('')),
  Panic: () => {
    throw new Error('kaboom')
  },

  Sleep: async ({ Ms }: { Ms: number }, { signal }: CallContext) => {
    await delay(Ms, undefined, { signal }).catch(() => signal.throwIfAborted())
    return { C: Ms }
  },
  SleepDeaf: async ({ Ms }: { Ms: number }) => {
    await delay(Ms)
    return { C: Ms }
  },
}

/** Runs after the reply, as at the recorded server. */
function pushTwice(_: Args, { connection }: CallContext): { C: number } {
  setImmediate(() => {
    connection.push({ service: 'news', method: 'flash', metadata: { k: 'v' }, payload: 'hi' })
    connection.push({})
  })
  return { C: 1 }
}

interface Box {
  V: unknown
}

const box = ({ V }: Box): Box => ({ V })
const asIs = (value: unknown): unknown => value

const boxes = [
  ...[
    'I8',
    'I16',
    'I32',
    'I64',
    'Int',
    'U8',
    'U16',
    'U32',
    'U64',
    'Uint',
    'F64',
    'F64Special',
    'Bool',
    'S',
    'B',
  ],
  ...[
    'Arr3',
    'ByteArr4',
    'Ints',
    'Strs',
    'Anys',
    'MapSI',
    'MapIS',
    'MapSA',
    'Ptr',
    'PtrInt',
    'Struct',
    'Empty',
  ],
  ...['Time', 'Duration', 'Any', 'Rune', 'Complex'],
]

const types = {
  ...Object.fromEntries(boxes.map(name => [name, box])),
  F32: ({ V }: { V: number }) => ({ V: new Float32(V) }),
  Zoo: (zoo: { F32: number }) => ({ ...zoo, F32: new Float32(zoo.F32) }),
  ...Object.fromEntries(['Tagged', 'Deep', 'BareString', 'BareInt', 'BareMap'].map(name => [name, asIs])),
}

function integer(name: string, value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number
  throw new TypeError(`${name} is a ${typeof value}, not an integer`)
}

function bytesAs(name: string, id: number): Codec {
  return { name, id, encode: value => value as Uint8Array, decode: bytes => bytes }
}

/** Appends field 3, a text: messages may be joined by joining their bytes. */
function addProtobufColour(message: Buffer): Buffer {
  return Buffer.concat([message, Buffer.from('\x1a\x05added')])
}

/** Appends to the list of texts that is the last field: a type and a count before it, a stop byte behind. */
function addThriftColour(message: Buffer): Buffer {
  const list = message.indexOf(Buffer.from('0f00030b', 'hex')) + 4
  const longer = Buffer.concat([message.subarray(0, -1), Buffer.from('\0\0\0\x05added\0')])
  longer.writeUInt32BE(message.readUInt32BE(list) + 1, list)
  return longer
}
