import { runInNewContext, runInThisContext } from 'node:vm'
import { Float32 } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { printed } from '../../src/client/select/hash-key.ts'
import { json } from '../../src/codec/json.ts'
import { msgpack } from '../../src/codec/msgpack.ts'
import { raw } from '../../src/codec/raw.ts'

/** Programs that each create a value, in this realm and in another. */
const VALUES = [
  'new Date(1_700_000_000_123)',
  'new Uint8Array([1, 2, 3])',
  'new Uint8Array([1, 2, 3]).buffer',
  'new Map([["a", 1], ["b", [2]]])',
  'new Set([1, "b"])',
  '[1, [2], { a: new Date(0) }]',
  '({ a: { b: [new Uint8Array(2)] } })',
  'new (class Point { constructor() { this.x = 1 } })()',
  'Object.create(null)',
]

describe.each(VALUES)('%s of another realm', program => {
  const here = runInThisContext(program)
  const there = runInNewContext(program)

  test('is encoded like one of this realm', () => {
    expect(Buffer.from(msgpack.encode(there))).toEqual(Buffer.from(msgpack.encode(here)))
    expect(Buffer.from(json.encode(there))).toEqual(Buffer.from(json.encode(here)))
    expect(printed(there)).toBe(printed(here))
  })
})

test('bytes of another realm are raw bytes', () => {
  expect(Buffer.from(raw.encode(runInNewContext('new Uint8Array([1, 2, 3])')))).toEqual(
    Buffer.from([1, 2, 3]),
  )
})

test('a map becomes an object and a set an array in JSON', () => {
  const value = { map: new Map([['a', new Set([1])]]), float: new Float32(1.5) }
  expect(Buffer.from(json.encode(value)).toString()).toBe('{"map":{"a":[1]},"float":1.5}')
})

const NOTHING = [
  'Promise.resolve(1)',
  '(function* () { yield 1 })()',
  '(async function* () { yield 1 })()',
  'new WeakMap()',
  '/x/',
  'new Error("text")',
]

describe.each(NOTHING)('%s, which would silently be an empty object', program => {
  test.each([
    ['of this realm', () => runInThisContext(program)],
    ['of another realm', () => runInNewContext(program)],
  ])('is rejected with its path: %s', (_where, make) => {
    for (const codec of [msgpack, json]) {
      expect(() => codec.encode({ list: [{ value: make() }] })).toThrow(TypeError)
      expect(() => codec.encode({ list: [{ value: make() }] })).toThrow(
        /cannot encode a \w+ at list\[0\]\.value$/,
      )
    }
  })
})

test.each(['new URL("http://localhost/")', 'new Number(1)', 'new Headers()'])(
  '%s is rejected by MessagePack',
  program => {
    const value = runInThisContext(program)
    expect(() => msgpack.encode({ value })).toThrow(/^msgpack: cannot encode a \w+ at value$/)
  },
)
