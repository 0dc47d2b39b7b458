import { describe, expect, test } from 'vitest'
import { deadlineOf } from '../../src/peer/deadline.ts'
import { vectors } from '../vectors.ts'

const NOW = 1_700_000_000_000

describe('__ServerTimeout', () => {
  for (const { value, deadlineSet, msLeftAbout = 0 } of vectors.serverTimeout.vectors) {
    test(`${JSON.stringify(value)} is ${deadlineSet ? `a deadline in ${msLeftAbout} ms` : 'ignored'}`, () => {
      const deadline = deadlineOf(value, NOW)
      if (!deadlineSet) expect(deadline).toBeUndefined()
      // How long ago does not matter, because the call has expired.
      else if (msLeftAbout <= 0) expect(deadline).toBeLessThanOrEqual(NOW)
      // The recorder rounded to 10 ms.
      else expect(Math.abs((deadline as number) - NOW - msLeftAbout)).toBeLessThanOrEqual(10)
    })
  }

  test('vectors are complete', () => expect(vectors.serverTimeout.vectors).toHaveLength(17))

  test('is exact to the millisecond', () => expect(deadlineOf('5000', NOW)).toBe(NOW + 5000))

  test('that is missing means that the caller waits without a limit', () =>
    expect(deadlineOf(undefined, NOW)).toBeUndefined())

  test('is not read from digits of other scripts, nor from several lines', () => {
    for (const value of ['١٠٠٠', '１０００', '1000\n', '\n1000', '+', '-', '--1', '+-1']) {
      expect(deadlineOf(value, NOW)).toBeUndefined()
    }
  })

  test('is ignored beyond an int64, and has expired just within', () => {
    for (const value of ['9223372036854780000', '-9223372036854780000', '9'.repeat(1000)]) {
      expect(deadlineOf(value, NOW)).toBeUndefined()
    }
    expect(deadlineOf('9223372036854775807', NOW)).toBeLessThanOrEqual(NOW)
  })
})
