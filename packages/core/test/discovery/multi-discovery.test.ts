import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Endpoints } from '@rpcx/core'
import { CachedDiscovery, MultiDiscovery, MultipleServersDiscovery, RegistryDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ScriptedDriver } from './scripted-driver.ts'

const texts = (endpoints: Endpoints | undefined): string[] =>
  (endpoints ?? []).map(({ address, metadata }) => `${address}?${metadata}`)

describe('several discoveries combined', () => {
  test('list the servers of all; the first one wins an address that several have', async () => {
    const one = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:2', value: 'from=one' }])
    const other = new MultipleServersDiscovery([
      { key: 'tcp@127.0.0.1:2', value: 'from=other' },
      { key: 'tcp@127.0.0.1:1', value: 'from=other' },
    ])
    await using both = new MultiDiscovery([one, other])
    expect(texts(await both.list('Arith'))).toEqual([
      'tcp@127.0.0.1:1?from=other',
      'tcp@127.0.0.1:2?from=one',
    ])
  })

  test("show each change of each, and another one's entry when one no longer has the address", async () => {
    const one = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1', value: 'from=one' }])
    const other = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1', value: 'from=other' }])
    await using both = new MultiDiscovery([one, other])
    const lists = both.watch('Arith')[Symbol.asyncIterator]()
    expect(texts((await lists.next()).value)).toEqual(['tcp@127.0.0.1:1?from=one'])
    one.update([])
    expect(texts((await lists.next()).value)).toEqual(['tcp@127.0.0.1:1?from=other'])
  })

  test('wait for all before the first list, as long as none has a server', async () => {
    const driver = new ScriptedDriver()
    const empty = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1' }])
    empty.update([])
    await using both = new MultiDiscovery([empty, new RegistryDiscovery(driver)])
    const first = both.list('Arith')
    const watch = await driver.watch(0)
    expect(both.status('Arith').state).toBe('waiting')
    watch.into.replace([['tcp@127.0.0.1:2', '']])
    expect(texts(await first)).toEqual(['tcp@127.0.0.1:2?'])
    expect(both.status('Arith').state).toBe('fresh')
  })

  test('work without one that is down when another has servers', async () => {
    const driver = new ScriptedDriver()
    driver.opening = () => Promise.reject(new Error('down'))
    const up = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1' }])
    await using both = new MultiDiscovery([new RegistryDiscovery(driver), up])
    expect(texts(await both.list('Arith', { timeoutMs: 5_000 }))).toEqual(['tcp@127.0.0.1:1?'])
    expect(both.status('Arith')).toMatchObject({ state: 'waiting', lastError: { message: 'down' } })
  })

  test('close together, and end every wait', async () => {
    const driver = new ScriptedDriver()
    const both = new MultiDiscovery([new RegistryDiscovery(driver)])
    const list = both.list('Arith')
    await driver.watch(0)
    await both.close()
    await expect(list).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    await expect(both.list('Echo')).rejects.toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(both.status('Arith').state).toBe('closed')
    expect(driver.closed).toBe(1)
  })

  test('pass on reports of failed servers, also through a cache', async () => {
    const asked: string[] = []
    const inner = new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1' }])
    const told = Object.assign(inner, { verify: (...what: string[]) => void asked.push(what.join(' ')) })
    const file = join(tmpdir(), `rpcx-${process.pid}-never-written`)
    await using both = new MultiDiscovery([new CachedDiscovery(told, { file })])
    both.verify('Arith', 'tcp@127.0.0.1:1')
    expect(asked).toEqual(['Arith tcp@127.0.0.1:1'])
  })

  test('need at least one discovery', () => {
    expect(() => new MultiDiscovery([])).toThrow('MultiDiscovery: discoveries is empty')
  })
})
