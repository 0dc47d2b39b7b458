import { RpcxError } from '@rpcx/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { Backoff } from '../../src/discovery/backoff.ts'

const down = new Error('down')

/** Returns how long a wait takes, by the clock of the test. */
async function waited(backoff: Backoff, error: unknown = down): Promise<number> {
  const since = performance.now()
  const wait = backoff.wait(error, new AbortController().signal)
  await vi.advanceTimersToNextTimerAsync()
  await wait
  return performance.now() - since
}

describe('the back-off of one registry connection', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('is short after a first failure, then 1 to 1.25 seconds, and never grows', async () => {
    for (let run = 0; run < 20; run++) {
      const backoff = new Backoff(systemClock)
      expect(await waited(backoff)).toBeLessThanOrEqual(252)
      for (let i = 0; i < 20; i++) {
        const ms = await waited(backoff)
        expect(ms).toBeGreaterThanOrEqual(999)
        expect(ms).toBeLessThanOrEqual(1_252)
      }
    }
  })

  test('starts again after a long enough time without failures', async () => {
    const backoff = new Backoff(systemClock)
    await waited(backoff)
    await waited(backoff)
    await vi.advanceTimersByTimeAsync(5_001)
    expect(await waited(backoff)).toBeLessThanOrEqual(252)
  })

  test('is five seconds after rejected credentials', async () => {
    const ms = await waited(new Backoff(systemClock), new RpcxError('ERR_RPCX_AUTH', 'no'))
    expect(ms).toBeGreaterThanOrEqual(4_999)
    expect(ms).toBeLessThanOrEqual(5_252)
  })

  test('is the usual one after rejected credentials while the registry still has entries of the server', async () => {
    const refused = new RpcxError('ERR_RPCX_AUTH', 'no')
    const backoff = new Backoff(systemClock)
    backoff.keptMs = 3_000
    expect(await waited(backoff, refused)).toBeLessThanOrEqual(252)
    for (let since = 0; since < 2_700; ) {
      const ms = await waited(backoff, refused)
      expect(ms).toBeLessThanOrEqual(1_252)
      since += ms
    }
    // By now it is gone.
    await waited(backoff, refused)
    expect(await waited(backoff, refused)).toBeGreaterThanOrEqual(4_999)
  })

  test('is shared by all callers that wait', async () => {
    const backoff = new Backoff(systemClock)
    await waited(backoff)
    const { signal } = new AbortController()
    const all = Promise.all([1, 2, 3].map(() => backoff.wait(down, signal)))
    const since = performance.now()
    await vi.runAllTimersAsync()
    await all
    expect(performance.now() - since).toBeLessThanOrEqual(1_252)
  })

  test('ends when the signal aborts', async () => {
    const aborting = new AbortController()
    const wait = new Backoff(systemClock).wait(new RpcxError('ERR_RPCX_AUTH', 'no'), aborting.signal)
    aborting.abort()
    await wait
    expect(vi.getTimerCount()).toBe(0)
  })
})
