import { expect, test } from 'vitest'
import { raw } from '../../src/codec/raw.ts'

test('raw passes bytes through without a copy, and undefined as no bytes', () => {
  const bytes = new Uint8Array([1, 2, 3])
  expect(raw.encode(bytes)).toBe(bytes)
  expect(raw.decode(bytes)).toBe(bytes)
  expect(raw.encode(undefined)).toHaveLength(0)
})

test.each([
  ['text', 'string'],
  [1, 'number'],
  [null, 'null'],
  [{}, 'object'],
])('raw rejects %j', (value, what) => {
  expect(() => raw.encode(value)).toThrow(new TypeError(`raw: the value is ${what}, not a Uint8Array`))
})
