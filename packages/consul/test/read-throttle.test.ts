import { describe, expect, test } from 'vitest'
import { ReadThrottle } from '../src/read-throttle.ts'

const never = new AbortController().signal

describe('Queries that do not block', () => {
  test('start at once until Consul rejects one, then one after the other, in order', async () => {
    const throttle = new ReadThrottle()
    const went: number[] = []
    const ask = async (n: number): Promise<void> => {
      await throttle.turn(never)
      went.push(n)
    }
    const since = performance.now()
    for (let n = 0; n < 100; n++) await ask(n)
    throttle.slow()
    await ask(100)
    const asked = [101, 102, 103, 104].map(ask)
    expect(went).toHaveLength(101)
    await Promise.all(asked)
    expect(went).toEqual(Array.from({ length: 105 }, (_, n) => n))
    // The pauses become a little shorter each time.
    expect(performance.now() - since).toBeGreaterThan(4 * 50 * 0.8)
  })

  test('that are aborted do not delay the next one', async () => {
    const throttle = new ReadThrottle()
    throttle.slow()
    await throttle.turn(never)
    const since = performance.now()
    const givenUp = Array.from({ length: 100 }, () => new AbortController())
    const waiting = givenUp.map(({ signal }) => throttle.turn(signal))
    const last = throttle.turn(never)
    for (const controller of givenUp) controller.abort()
    await Promise.all([...waiting, last])
    expect(performance.now() - since).toBeLessThan(1_000)
  })
})
