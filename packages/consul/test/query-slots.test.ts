import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { QuerySlots } from '../src/query-slots.ts'

describe('QuerySlots', () => {
  test('shortens queries as more services share the slots, and lengthens them again when services leave', async () => {
    const turns = new QuerySlots()
    const leaves: (() => void)[] = []
    const length = (): Promise<number> => turns.take(async waitMs => waitMs)
    for (const [seats, waitMs] of [
      [1, 10_000],
      [8, 10_000],
      [12, 4_000],
      [18, 2_000],
      [30, 1_000],
      [246, 100],
      [600, 60],
    ] as const) {
      while (leaves.length < seats) leaves.push(turns.join())
      expect(await length()).toBe(waitMs)
    }
    while (leaves.length > 8) leaves.pop()?.()
    expect(await length()).toBe(10_000)
  })

  test('lengthens queries once when Consul rejects many of them because of its rate limit', async () => {
    const turns = new QuerySlots()
    const leaves = Array.from({ length: 246 }, () => turns.join())
    const tooMany = Object.assign(new Error('429'), { response: { statusCode: 429 } })
    const refused = Array.from({ length: 20 }, () => turns.take(() => Promise.reject(tooMany)))
    await Promise.allSettled(refused)
    expect(await turns.take(async waitMs => waitMs)).toBe(200)
    for (const leave of leaves) leave()
  })

  test('lengthens the query that takes the slot of a rejected one', async () => {
    const turns = new QuerySlots()
    const leaves = Array.from({ length: 246 }, () => turns.join())
    const tooMany = Object.assign(new Error('429'), { response: { statusCode: 429 } })
    const refused = Array.from({ length: 12 }, () => turns.take(() => Promise.reject(tooMany)))
    const next = turns.take(async waitMs => waitMs)
    await Promise.allSettled(refused)
    expect(await next).toBe(200)
    for (const leave of leaves) leave()
  })

  test('runs 12 queries at most, in the order of their requests', async () => {
    const turns = new QuerySlots()
    const began: number[] = []
    let running = 0
    let most = 0
    const take = (n: number): Promise<unknown> =>
      turns.take(async () => {
        began.push(n)
        most = Math.max(most, ++running)
        await sleep(5)
        running--
        if (n % 10 === 0) throw new Error('no')
      })
    const numbers = Array.from({ length: 300 }, (_, n) => n)
    for (let round = 1; round <= 2; round++) {
      const taken = await Promise.allSettled(numbers.map(take))
      // A failed query rejects for its own caller only, and the next one runs.
      expect(taken.filter(({ status }) => status === 'rejected')).toHaveLength(30)
      expect(began.splice(0)).toEqual(numbers)
      expect(most).toBe(12)
    }
  })
})
