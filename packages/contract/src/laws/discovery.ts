import assert from 'node:assert/strict'
import { isRpcxError } from '@rpcx/core'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import { Log } from '../log.ts'
import { entriesOf } from '../view.ts'

export const discovery: Readonly<Record<string, Law>> = {
  'the first list is empty when there are no servers, and the first server is seen': law(
    '`watchService()` of driver.ts: it calls `into.replace([])` at once when there are no servers',
    async trial => {
      const service = trial.service()
      const discovery = trial.discovery()
      assert.equal(discovery.status(service).state, 'idle')
      assert.deepEqual(await discovery.list(service, { timeoutMs: 15_000 }), [])
      assert.equal(discovery.status(service).state, 'fresh')
      const view = trial.view(service, discovery)
      await view.shows({})
      const member = await trial.member().offer(service, 'first=1').start()
      await trial.within(1_000, 'the first server', view.shows({ [member.address]: 'first=1' }))
    },
  ),

  'list() and watch() return the same frozen lists, in the order of addresses': law(
    '`watchService()` of driver.ts: what it gives `into.replace()` and `into.put()`',
    async trial => {
      const service = trial.service()
      const members = [1, 2, 3, 4].map(n => trial.member().offer(service, `n=${n}`))
      await Promise.all(members.map(member => member.start()))
      const discovery = trial.discovery()
      const view = trial.view(service, discovery)
      const entries = Object.fromEntries(members.map(({ address }, i) => [address, `n=${i + 1}`]))
      const watched = await view.shows(entries)
      const listed = await discovery.list(service)
      assert.deepEqual(listed, watched)
      assert.ok(Object.isFrozen(listed) && Object.isFrozen(watched), 'the lists are not frozen')
      assert.deepEqual(
        listed.map(({ address }) => address),
        members.map(({ address }) => address).sort(),
      )
      assert.deepEqual(await trial.listed(service), entries)
    },
  ),

  'a slow reader of watch() skips to the newest list': law(
    '`watchService()` of driver.ts: it reports each change once, and waits for no reader',
    async trial => {
      const service = trial.service()
      const { address, server } = await trial.member().offer(service, 'n=0').start()
      const discovery = trial.discovery()
      const view = trial.view(service, discovery)
      const slow = discovery.watch(service, { signal: trial.signal })[Symbol.asyncIterator]()
      await slow.next()
      for (let n = 1; n <= 20; n++) await server.setMetadata(service, `n=${n}`)
      await view.shows({ [address]: 'n=20' })
      const next = await slow.next()
      assert.deepEqual(next.value && entriesOf(next.value), { [address]: 'n=20' })
      await slow.return?.()
    },
  ),

  "services with similar names do not see each other's servers": law(
    'how driver.ts builds keys from names: a name may be the prefix of another one, and names may have letters of any script',
    async trial => {
      const a = trial.service()
      const names = [a, `${a}2`, `2${a}`]
      const members = await Promise.all(names.map(name => trial.member().offer(name, `is=${name}`).start()))
      const below = `${a}/b`
      await trial.bench.put?.(below, 'tcp@10.9.8.7:1', 'is=below')
      const discovery = trial.discovery()
      const views = names.map(name => trial.view(name, discovery))
      for (const [i, view] of views.entries()) {
        await view.shows({ [members[i]?.address as string]: `is=${names[i]}` })
      }
      // Each view sees its own change. A change of another service would have arrived before it.
      await trial.bench.put?.(below, 'tcp@10.9.8.7:1', 'is=still-below')
      for (const [i, member] of members.entries()) await member.server.setMetadata(names[i] as string, 'n=1')
      for (const [i, view] of views.entries()) {
        await view.shows({ [members[i]?.address as string]: 'n=1' })
        for (const entries of view.since(0)) assert.deepEqual(Object.keys(entries), [members[i]?.address])
      }
    },
  ),

  'a malformed entry is ignored and reported once, and the others are listed': law(
    '`watchService()` of driver.ts: it passes entries on as they are, and core decides which of them are servers',
    async trial => {
      const put = trial.need('put')
      const service = trial.service()
      const malformed = ['tcp@', '@10.9.8.7:1', 'quic@10.9.8.7:1']
      for (const address of malformed) await put(service, address, 'weight=1')
      await put(service, 'tcp@10.9.8.7:2', 'rate=50%')
      const discovery = trial.discovery()
      const ignored = new Log<string>(trial.signal)
      discovery.on('entryIgnored', ({ address }) => ignored.add(address))
      const view = trial.view(service, discovery)
      const [endpoint] = await view.shows({ 'tcp@10.9.8.7:2': 'rate=50%' })
      assert.equal(endpoint?.values.size, 0, 'Go ignores all values when one is broken')
      for (const address of malformed) await put(service, address, 'weight=2')
      const { address } = await trial.member().offer(service, 'late=1').start()
      await view.shows({ 'tcp@10.9.8.7:2': 'rate=50%', [address]: 'late=1' })
      assert.deepEqual([...ignored.all].sort(), [...malformed].sort())
    },
  ),

  'an aborted signal ends its own list() or watch(), and no other': law(
    '`watchService()` of driver.ts: it ends when its signal aborts',
    async trial => {
      const service = trial.service()
      const discovery = trial.discovery()
      const view = trial.view(service, discovery)
      await view.shows({})
      const aborting = new AbortController()
      const loop = (async () => {
        for await (const endpoints of discovery.watch(service, { signal: aborting.signal })) {
          if (endpoints.length === 0) aborting.abort(new Error('enough'))
        }
      })()
      await loop
      await assert.rejects(discovery.list(service, { signal: aborting.signal }), { message: 'enough' })
      const { address } = await trial.member().offer(service).start()
      await view.shows({ [address]: '' })
    },
  ),

  'close() ends all watches, and later calls reject': law(
    '`close()` of the session in driver.ts: `watchService()` must end with its signal',
    async trial => {
      const service = trial.service()
      const discovery = trial.discovery()
      const views = [trial.view(service, discovery), trial.view(service, discovery)]
      for (const view of views) await view.shows({})
      await trial.within(1_000, 'close()', discovery.close())
      for (const view of views) await view.ended
      await assert.rejects(discovery.list(service), error => isRpcxError(error, 'ERR_RPCX_CLOSED'))
      for await (const _ of discovery.watch(service)) assert.fail('watch() gave a list after close()')
      assert.equal(discovery.status(service).state, 'closed')
    },
  ),
}
