import { describe, expect, test } from 'vitest'
import { Semaphore } from '../src/semaphore.ts'

describe('a semaphore', () => {
  test('runs as many operations at the same time as it has permits, in order', async () => {
    const semaphore = new Semaphore(2)
    const started: number[] = []
    const ends: (() => void)[] = []
    const runs = [0, 1, 2, 3].map(n =>
      semaphore.run(() => {
        started.push(n)
        return new Promise<number>(resolve => ends.push(() => resolve(n)))
      }),
    )
    expect(started).toEqual([0, 1])
    ends[1]?.()
    await runs[1]
    expect(started).toEqual([0, 1, 2])
    ends[0]?.()
    ends[2]?.()
    await runs[2]
    expect(started).toEqual([0, 1, 2, 3])
    ends[3]?.()
    expect(await Promise.all(runs)).toEqual([0, 1, 2, 3])
  })

  test('releases the permit of an operation that fails', async () => {
    const semaphore = new Semaphore(1)
    const failing = semaphore.run(() => Promise.reject(new Error('no')))
    const next = semaphore.run(async () => 'yes')
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('yes')
    expect(await semaphore.run(async () => 'again')).toBe('again')
  })

  test('skips an operation whose signal aborts before its turn', async () => {
    const semaphore = new Semaphore(1)
    const early = AbortSignal.abort(new Error('early'))
    await expect(semaphore.run(async () => 1, early)).rejects.toThrow('early')
    let end: () => void = () => {}
    const first = semaphore.run(() => new Promise<void>(resolve => (end = resolve)))
    const giving = new AbortController()
    let hasRun = false
    const second = semaphore.run(async () => (hasRun = true), giving.signal)
    const third = semaphore.run(async () => 3)
    giving.abort(new Error('gave up'))
    await expect(second).rejects.toThrow('gave up')
    end()
    await first
    expect(await third).toBe(3)
    expect(hasRun).toBe(false)
  })
})
