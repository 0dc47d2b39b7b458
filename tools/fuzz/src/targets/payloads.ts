import { Ext } from '@rpcx/core'
import { json as jsonCodec } from '../../../../packages/core/src/codec/json.ts'
import { msgpack as msgpackCodec } from '../../../../packages/core/src/codec/msgpack.ts'
import type { Target } from '../target.ts'
import { only } from './errors.ts'

const plain = [
  { A: 10, B: 20 },
  [1, -1, 300, -40_000, 2 ** 40, -(2 ** 40), 1.5, 'text', 'long text '.repeat(10), null, true],
  { list: [[[{ a: [] }]], {}], nested: { a: { b: { c: {} } } }, __proto__: null, 'é世界😀': '\u0000' },
]
const rich = [
  ...plain,
  [2n ** 63n, -(2n ** 60n), Buffer.from('0001feff', 'hex'), new Date(1e12), new Date(-1e14)],
  new Map<unknown, unknown>([
    ['a', 1],
    [2, new Ext(5, Buffer.from('x'))],
    [[3], new Map([[1n << 60n, '']])],
  ]),
]

/** Arguments and replies in MessagePack. */
export const msgpack: Target = {
  name: 'msgpack',
  corpus: rich.map(value => Buffer.from(msgpackCodec.encode(value))),
  tokens: [
    '80',
    '90',
    'c1',
    'c0',
    'dc0100',
    'dd00010000',
    'de0100',
    'df00010000',
    'cb3ff0000000000000',
    'c70c05',
    'd6ff',
    'dbffffffff',
  ].map(hex => Buffer.from(hex, 'hex')),
  decode: input => msgpackCodec.decode(input),
  mayThrow: only('ERR_RPCX_CODEC'),
}

/** Arguments and replies in JSON. */
export const json: Target = {
  name: 'json',
  corpus: plain.map(value => Buffer.from(JSON.stringify(value))),
  tokens: ['[', ']', '{}', '[],', '"a":', '\\ud800', '1e999', 'null', ',', '"__proto__":{}'].map(text =>
    Buffer.from(text),
  ),
  decode: input => jsonCodec.decode(input),
  mayThrow: only('ERR_RPCX_CODEC'),
}
