import { expect, test } from 'vitest'
import { isWellFormed } from '../src/well-formed.ts'
import { recordedPackets } from './recorded.ts'

test('every recorded packet is well-formed', () => {
  expect(recordedPackets.length).toBeGreaterThan(40)
  for (const bytes of recordedPackets) expect(isWellFormed(bytes), bytes.toString('hex')).toBe(true)
})

test('a packet that is too short or too long is not well-formed', () => {
  for (const bytes of recordedPackets) {
    for (let end = 0; end < bytes.length; end++) {
      expect(isWellFormed(bytes.subarray(0, end)), `${end} of ${bytes.toString('hex')}`).toBe(false)
    }
    expect(isWellFormed(Buffer.concat([bytes, Buffer.of(0)]))).toBe(false)
  }
})

test('a packet with a name that points to itself is not well-formed', () => {
  const head = Buffer.from('000000000001000000000000', 'hex')
  for (const name of ['c00c', 'c00e', '0161c00c', '0161c00ec00c', 'c0ff', '40', '80']) {
    expect(isWellFormed(Buffer.concat([head, Buffer.from(`${name}000c0001`, 'hex')])), name).toBe(false)
  }
})
