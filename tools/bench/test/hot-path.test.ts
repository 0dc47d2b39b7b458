import { afterAll, expect, test } from 'vitest'
import { Child } from '../src/child.ts'

const child = new Child(
  'hot-path.js',
  [],
  ['--expose-gc', '--max-semi-space-size=128', '--min-semi-space-size=128'],
)
const figures = child.answer() as Promise<{ copiedBytes: number; allocatedBytes: number }>
afterAll(() => child[Symbol.asyncDispose]())

test('a call copies its arguments once, its reply when it is sent and when it is received, both headers, and nothing else', async () => {
  expect((await figures).copiedBytes).toBe(HEAD_BYTES + 581 + 581 + REPLY_BYTES)
})

test('both sides together allocate little for a call, with 100 at once', async () => {
  const { allocatedBytes } = await figures
  console.info(`${allocatedBytes.toFixed(0)} bytes of heap a call`)
  expect(allocatedBytes).toBeGreaterThan(0)
  expect(allocatedBytes).toBeLessThan(1_400)
})

/** Header, names and deadline of a call of Bench.Echo, each text with its length; the payload's own length is written, not copied. */
const HEAD_BYTES = 16 + (4 + 5) + (4 + 4) + 4 + (4 + 15) + (4 + 5)
/** A whole reply: it is copied out of the memory that the next bytes come to. */
const REPLY_BYTES = 16 + (4 + 5) + (4 + 4) + 4 + (4 + 581)
