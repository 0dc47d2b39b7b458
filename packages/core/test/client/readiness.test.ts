import { MultipleServersDiscovery } from '@rpcx/core'
import { expect, test } from 'vitest'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'

interface S {
  hi(): string
}

async function two() {
  const servers = await Promise.all([0, 1].map(() => serving({ S: { hi: () => 'hi' } })))
  const discovery = closing(new MultipleServersDiscovery(keys(servers)))
  discovery.update([])
  return { discovery, servers, client: clientOf<S>('S', discovery) }
}

test('ready() waits until the client knows the requested number of servers', async () => {
  const { discovery, servers, client } = await two()
  const told: string[] = []
  const one = client.ready().then(() => told.push('one'))
  const both = client.ready({ servers: 2 }).then(() => told.push('both'))
  discovery.update(keys(servers.slice(0, 1)))
  await one
  expect(told).toEqual(['one'])
  discovery.update(keys(servers))
  await both
  await client.ready({ servers: 2 })
  expect(await client.call('hi')).toBe('hi')
})

test('ready() ends at its time-out, with its signal and with its client', async () => {
  const { client } = await two()
  expect(await failure(client.ready({ servers: 2, timeoutMs: 10 }))).toMatchObject({
    code: 'ERR_RPCX_TIMEOUT',
    message: 'S: 0 of 2 servers within 10 ms',
  })
  const abort = new AbortController()
  const aborted = failure(client.ready({ signal: abort.signal }))
  abort.abort(new Error('enough'))
  expect(await aborted).toBe(abort.signal.reason)
  const closed = failure(client.ready())
  await client.close()
  expect(await closed).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  expect(await failure(client.ready())).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  expect(await failure(client.ready({ servers: 0 }))).toBeInstanceOf(RangeError)
})
