import { expect, test } from 'vitest'
import type { Said } from '../src/text.ts'
import { fromStrings, MAX_METADATA_BYTES, toStrings } from '../src/text.ts'

const arith: Said = {
  service: 'Arith',
  address: 'tcp@127.0.0.1:8972',
  metadata: 'weight=10',
  owner: '0a1b2c3d',
  version: 1_700_000_000_000_000n,
}

test("the first string equals Go's for a server with one service", () => {
  expect(toStrings(arith)[0]?.toString()).toBe(
    '%5B%7B%22service%22%3A%22Arith%22%2C%22meta%22%3A%22weight%3D10%22%2C%22service_address%22%3A%22tcp%40127.0.0.1%3A8972%22%7D%5D',
  )
})

test.each([0, 10, 100, 249, 250, 251, 600, MAX_METADATA_BYTES])(
  'metadata of %i bytes are read back unchanged, in strings of 255 bytes at most',
  size => {
    const metadata = 'n='.padEnd(size, 'é~*%41+&').slice(0, size)
    const said = { ...arith, metadata: Buffer.from(metadata).subarray(0, size).toString().replace(/�$/, 'x') }
    const strings = toStrings(said)
    expect(Math.max(...strings.map(({ length }) => length))).toBeLessThanOrEqual(255)
    expect(fromStrings(strings)).toEqual([said])
  },
)

test('metadata that are too long for Go are cut to whole keys, the important ones first', () => {
  const metadata = `note=${'x'.repeat(90)}&calls=1.00&more=${'y'.repeat(90)}&weight=10&group=a&state=inactive`
  const [element] = goReads(toStrings({ ...arith, metadata })[0])
  expect(element?.meta).toBe('state=inactive&group=a&weight=10&calls=1.00')
  expect(fromStrings(toStrings({ ...arith, metadata }))[0]?.metadata).toBe(metadata)
})

test("the string for Go always has a meta, because Go's client would reuse the previous one", () => {
  expect(goReads(toStrings({ ...arith, metadata: '' })[0])).toEqual([
    { service: 'Arith', meta: '', service_address: arith.address },
  ])
})

test('metadata that are too long for a packet are rejected with both sizes', () => {
  const metadata = 'x'.repeat(MAX_METADATA_BYTES + 1)
  expect(() => toStrings({ ...arith, metadata })).toThrow(
    new RangeError('mdns: the metadata of Arith have 701 bytes, more than the 700 that fit a packet'),
  )
})

test('a service name that is too long for Go is rejected with both sizes', () => {
  const service = 'S'.repeat(200)
  expect(() => toStrings({ ...arith, service })).toThrow(/take \d+ bytes, more than the 255 of a TXT string/)
})

test.each([
  ['nothing', []],
  ['an empty string', ['']],
  ['garbage', ['%']],
  ['no array', ['%7B%7D']],
  ['an array of other things', ['%5B1%2Cnull%2C%22x%22%2C%7B%7D%2C%7B%22service%22%3A1%7D%5D']],
])('%s has no entry', (_what, strings) => {
  expect(fromStrings(strings.map(text => Buffer.from(text)))).toEqual([])
})

interface Element {
  readonly service: string
  readonly meta: string
  readonly service_address: string
}

/** Reads it as Go's client does: `url.QueryUnescape`, then JSON. */
function goReads(string: Buffer | undefined): readonly Element[] {
  return JSON.parse(decodeURIComponent(String(string).replaceAll('+', ' '))) as Element[]
}
