import { getEventListeners } from 'node:events'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { clientOf, closing, failure, serving } from './helpers.ts'
import { Program } from './program.ts'

describe('200 servers and clients, opened, used and closed one after the other', () => {
  test.each(['tcp', 'memu'])('over %s leave no handle, timer, listener or memory behind', async network => {
    const program = closing(new Program('open-close', network, '200'))
    const { before, after, grownKiB, ...rest } = JSON.parse(await program.line(0))
    expect(after).toBe(before)
    expect(after).not.toMatch(/Timeout|TCP|Immediate/)
    expect(rest).toEqual({ warnings: [], listeners: 0 })
    // 10 KiB each: a server alone is larger.
    expect(grownKiB).toBeLessThan(2_000)
    expect(await program.exit).toEqual({ code: 0, signal: null })
  })
})

test('One signal may end any number of calls and waits: it has one listener, and none when all have ended', async () => {
  const server = await serving({ Slow: { wait: () => new Promise(() => {}) } })
  const client = clientOf<{ wait(): void }>('Slow', [server])
  const discovery = closing(new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1' }]))
  const ending = new AbortController()
  const { signal } = ending
  const waits = Array.from({ length: 25 }, () => [
    failure(client.call('wait', undefined, { signal })),
    failure(client.broadcast('wait', undefined, { signal })),
    failure(client.ready({ servers: 2, signal })),
    last(discovery.watch('Slow', { signal })),
  ]).flat()
  // `ready` waits for its own list.
  await discovery.list('Slow')
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  ending.abort()
  await Promise.all(waits)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

async function last<T>(values: AsyncIterable<T>): Promise<T | undefined> {
  let newest: T | undefined
  for await (const value of values) newest = value
  return newest
}
