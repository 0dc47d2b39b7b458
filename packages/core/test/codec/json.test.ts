import { describe, expect, test } from 'vitest'
import { json } from '../../src/codec/json.ts'

const encoded = (value: unknown): string => Buffer.from(json.encode(value)).toString()
const decoded = (text: string): unknown => json.decode(Buffer.from(text))

describe('JSON', () => {
  test.each<[string, unknown, string]>([
    ['an object', { A: 10, B: [true, null, 'ü'] }, '{"A":10,"B":[true,null,"ü"]}'],
    ['undefined as null', undefined, 'null'],
    [
      'undefined in a list as null, and not at all in an object',
      { a: undefined, b: [undefined] },
      '{"b":[null]}',
    ],
    ['a date in UTC', { at: new Date(Date.UTC(2026, 6, 1, 12)) }, '{"at":"2026-07-01T12:00:00.000Z"}'],
    ['bytes as base64', new Uint8Array([0, 255, 62]), '"AP8+"'],
    ['bytes deep inside', { a: [{ b: new Uint8Array([1]) }] }, '{"a":[{"b":"AQ=="}]}'],
    ['a Buffer as bytes', { data: Buffer.from('hello') }, '{"data":"aGVsbG8="}'],
    ['a view of a part of a buffer', new Uint8Array([9, 1, 2, 9]).subarray(1, 3), '"AQI="'],
    ['no bytes as an empty text', new Uint8Array(), '""'],
    ['what toJSON makes, be it bytes', { toJSON: () => new Uint8Array([1]) }, '"AQ=="'],
  ])('writes %s', (_what, value, text) => expect(encoded(value)).toBe(text))

  test('rejects what JSON cannot represent', () => {
    expect(() => json.encode(1n)).toThrow(TypeError)
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(() => json.encode(loop)).toThrow(TypeError)
  })

  test('reads what it wrote, from the middle of a buffer', () => {
    const value = { A: 10, B: ['ü', 1.5, null, false] }
    const bytes = Buffer.concat([Buffer.from('#'), json.encode(value), Buffer.from('#')]).subarray(1, -1)
    expect(json.decode(bytes)).toEqual(value)
    expect(json.decode(new Uint8Array(json.encode(value)))).toEqual(value)
  })

  test.each(['', '{"cut', 'undefined', "{'a':1}"])('rejects %j with ERR_RPCX_CODEC', text => {
    expect(() => decoded(text)).toThrow(
      expect.objectContaining({ code: 'ERR_RPCX_CODEC', cause: expect.any(SyntaxError) }),
    )
  })

  test('makes __proto__ a key like any other', () => {
    const value = decoded('{"__proto__":{"polluted":true}}') as object
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
