import { describe, expect, test } from 'vitest'
import { deadlineOf } from '../../src/server/deadline.ts'
import { vectors } from '../vectors.ts'

describe('__ServerTimeout', () => {
  for (const { value, deadlineSet, msLeftAbout = 0 } of vectors.serverTimeout.vectors) {
    test(`${JSON.stringify(value)} is ${deadlineSet ? `a deadline in ${msLeftAbout} ms` : 'ignored'}`, () => {
      const before = Date.now()
      const deadline = deadlineOf(value)
      const after = Date.now()
      if (!deadlineSet) {
        expect(deadline).toBeUndefined()
      } else if (msLeftAbout <= 0) {
        // How long ago does not matter, as the call has expired at once.
        expect(deadline).toBeLessThanOrEqual(after)
      } else {
        // The recorder rounded to 10 ms.
        expect(deadline).toBeGreaterThanOrEqual(before + msLeftAbout - 10)
        expect(deadline).toBeLessThanOrEqual(after + msLeftAbout + 10)
      }
    })
  }

  test('vectors are all there', () => expect(vectors.serverTimeout.vectors).toHaveLength(17))

  test('is exact to the millisecond', () => {
    const before = Date.now()
    const deadline = deadlineOf('5000') as number
    expect(deadline - before).toBeGreaterThanOrEqual(5000)
    expect(deadline - Date.now()).toBeLessThanOrEqual(5000)
  })

  test('that is missing means that the caller waits for ever', () =>
    expect(deadlineOf(undefined)).toBeUndefined())

  test('is not read from digits of other scripts, nor from several lines', () => {
    for (const value of ['١٠٠٠', '１０００', '1000\n', '\n1000', '+', '-', '--1', '+-1']) {
      expect(deadlineOf(value)).toBeUndefined()
    }
  })

  test('is ignored beyond an int64 and expired just within', () => {
    for (const value of ['9223372036854780000', '-9223372036854780000', '9'.repeat(1000)]) {
      expect(deadlineOf(value)).toBeUndefined()
    }
    expect(deadlineOf('9223372036854775807')).toBeLessThanOrEqual(Date.now())
  })
})
