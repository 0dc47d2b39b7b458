import { expect, test } from 'vitest'
import type { Call } from '../../src/client/call/call.ts'
import { PendingReplies } from '../../src/peer/pending-replies.ts'

const call = (seq: number): Call => ({ seq }) as Call

test('finds each call once, in whatever order the replies come', () => {
  const pending = new PendingReplies()
  for (let seq = 0; seq < 1_000; seq++) pending.add(call(seq))
  expect(pending.size).toBe(1_000)
  for (let seq = 999; seq >= 0; seq--) expect(pending.take(seq)?.seq).toBe(seq)
  expect(pending.take(5)).toBeUndefined()
  expect(pending.size).toBe(0)
})

test('keeps a call that waits while a million others come and go', () => {
  const pending = new PendingReplies()
  pending.add(call(3))
  for (let seq = 4; seq < 1_000_000; seq++) {
    pending.add(call(seq))
    if (pending.take(seq)?.seq !== seq) throw new Error(`lost call ${seq}`)
  }
  expect([...pending].map(({ seq }) => seq)).toEqual([3])
  expect(pending.take(3)?.seq).toBe(3)
  expect(pending.size).toBe(0)
})

test('counts beyond 2^32, and finds nothing for a number that it never issued', () => {
  const pending = new PendingReplies()
  const far = 2 ** 40 + 1
  pending.add(call(far))
  expect(pending.take(1)).toBeUndefined()
  expect(pending.take(2n ** 60n + 1n)).toBeUndefined()
  expect(pending.take(far)?.seq).toBe(far)
})
