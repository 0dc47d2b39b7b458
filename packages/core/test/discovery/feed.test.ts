import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Endpoints } from '../../src/discovery/discovery.ts'
import { parseEndpoint } from '../../src/discovery/discovery.ts'
import { Feed } from '../../src/discovery/feed.ts'

const list = (n: number): Endpoints => [parseEndpoint('tcp@10.0.0.1:1', `n=${n}`)]

describe('a feed', () => {
  test('yields its current list, then each newer one', async () => {
    const feed = new Feed(systemClock, 'test')
    feed.publish(list(1))
    const watch = feed.watch()
    expect((await watch.next()).value).toEqual(list(1))
    const next = watch.next()
    feed.publish(list(2))
    expect((await next).value).toEqual(list(2))
  })

  test('skips to the newest for a slow reader', async () => {
    const feed = new Feed(systemClock, 'test')
    feed.publish(list(1))
    const watch = feed.watch()
    await watch.next()
    for (const n of [2, 3, 4]) feed.publish(list(n))
    expect((await watch.next()).value).toEqual(list(4))
  })

  test('reports why there is no list yet', async () => {
    const why = new Error('the registry is on fire')
    const feed = new Feed(systemClock, 'test: Arith', () => why)
    await expect(feed.list({ timeoutMs: 1 })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: 'test: Arith: no list within 1 ms',
      cause: why,
    })
  })

  test('limits the wait for the first list only', async () => {
    const feed = new Feed(systemClock, 'test')
    feed.publish(list(1))
    const watch = feed.watch({ timeoutMs: 1 })
    await watch.next()
    const next = watch.next()
    await new Promise(resolve => setTimeout(resolve, 5))
    feed.publish(list(2))
    expect((await next).value).toEqual(list(2))
  })

  test('ends when the signal aborts: list() rejects with the reason, watch() returns', async () => {
    const feed = new Feed(systemClock, 'test')
    const aborting = new AbortController()
    const listing = feed.list({ signal: aborting.signal })
    const watching = feed.watch({ signal: aborting.signal }).next()
    const reason = new Error('enough')
    aborting.abort(reason)
    await expect(listing).rejects.toBe(reason)
    expect(await watching).toEqual({ done: true, value: undefined })
  })

  test('ends when it is closed', async () => {
    const feed = new Feed(systemClock, 'test')
    const [listing, watching] = [feed.list(), feed.watch().next()]
    feed.close()
    await expect(listing).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect((await watching).done).toBe(true)
    await expect(feed.list()).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })
})
