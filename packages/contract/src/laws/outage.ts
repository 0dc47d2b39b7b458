import assert from 'node:assert/strict'
import { isRpcxError } from '@rpcx/core'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import { Log } from '../log.ts'
import { answers } from '../reach.ts'
import type { Trial } from '../trial.ts'

export const outage: Readonly<Record<string, Law>> = {
  'a short outage changes no list and no entry': law(
    'how driver.ts resumes its session after a lost connection',
    trial => throughOutage(trial, () => 0),
    60_000,
  ),

  'an outage longer than the TTL shrinks no list, and all servers are registered after it': law(
    '`ended` of the session in driver.ts, and `watchService()`, which rejects when the connection is lost, and replaces nothing',
    trial => throughOutage(trial, ttlMs => Math.max(2.5 * ttlMs, 500)),
    120_000,
  ),

  'a server starts while its registry is down, and registers once it is up': law(
    '`open()` of driver.ts: one attempt, which rejects when it fails',
    async trial => {
      const service = trial.service()
      const outage = await trial.outage()
      const member = trial.member().offer(service, 'n=1')
      await member.listen()
      assert.ok(await answers(member.server.address as string, service), 'it does not serve meanwhile')
      assert.equal(member.count('registered'), 0)
      assert.equal(member.count('registryDown'), 1)
      const view = trial.view(service)
      await outage.end()
      await trial.within(2_000, 'the registration', member.server.published())
      await view.shows({ [member.address]: 'n=1' })
      assert.deepEqual(member.events.all.map(({ event }) => event).sort(), [
        'registered',
        'registryBack',
        'registryDown',
      ])
    },
    60_000,
  ),

  '`required: true` makes serve() reject while the registry is down': law(
    '`open()` of driver.ts: one attempt, which rejects when it fails',
    async trial => {
      const service = trial.service()
      const outage = await trial.outage()
      const member = trial.member({ required: true }).offer(service)
      await assert.rejects(member.listen())
      await outage.end()
      assert.deepEqual(await trial.listed(service), {})
    },
    60_000,
  ),

  'list() with timeoutMs rejects with the error of the registry': law(
    'what `open()` and `watchService()` of driver.ts reject with: `ERR_RPCX_REGISTRY`, with the address and the request',
    async trial => {
      const service = trial.service()
      const outage = await trial.outage()
      const discovery = trial.discovery()
      const said = new Log<Error>(trial.signal)
      discovery.on('registryDown', ({ error }) => said.add(error))
      const listing = discovery.list(service)
      const error = await said.until('the event registryDown', () => true)
      await assert.rejects(discovery.list(service, { timeoutMs: 50 }), (rejected: Error) => {
        assert.ok(isRpcxError(rejected, 'ERR_RPCX_REGISTRY'), String(rejected))
        assert.ok(rejected.cause instanceof Error, 'the cause is missing')
        return true
      })
      assert.ok(error instanceof Error)
      assert.equal(discovery.status(service).state, 'waiting')
      await outage.end()
      assert.deepEqual(await listing, [])
    },
    60_000,
  ),

  'close() resolves within 5 s while the registry is unreachable, and its entries expire': law(
    '`close()` of driver.ts: it does not wait for a registry that does not respond',
    async trial => {
      trial.needOutage()
      const service = trial.service()
      const ttlMs = await trial.ttlMs()
      const member = await trial.member().offer(service).start()
      const discovery = trial.discovery()
      await trial.view(service, discovery).shows({ [member.address]: '' })
      const outage = await trial.outage()
      const late = trial.member().offer(service)
      const starting = late.listen()
      await trial.within(5_000, 'close() of the server', member.server.close())
      await trial.within(5_000, 'close() of a server that was never registered', late.server.close())
      await trial.within(5_000, 'close() of the discovery', discovery.close())
      await starting.catch(() => {})
      await outage.end()
      if (trial.traits.crash === 'never') return
      const lives = trial.traits.crash === 'twice-ttl' ? 2 : 1
      // A registry that was down itself restarts the TTL of its sessions when it is up again.
      const gone = trial.view(service).shows({})
      await trial.within(lives * ttlMs + 4_000, 'the end of what was left behind', gone)
    },
    120_000,
  ),
}

/** Cuts two servers and a client off from their registry, until `lastsMs` after the client has noticed it. */
async function throughOutage(trial: Trial, lastsMs: (ttlMs: number) => number): Promise<void> {
  trial.needOutage()
  const service = trial.service()
  const ttlMs = await trial.ttlMs()
  const first = await trial.member().offer(service, 'is=first').start()
  const second = await trial.member().offer(service, 'is=second').start()
  const before = { [first.address]: 'is=first', [second.address]: 'is=second' }
  const discovery = trial.discovery()
  const events = new Log<'down' | 'back'>(trial.signal)
  discovery.on('registryDown', () => events.add('down')).on('registryBack', () => events.add('back'))
  const view = trial.view(service, discovery)
  await view.shows(before)

  const mark = view.mark
  const since = performance.now()
  const outage = await trial.outage()
  await events.until('the event registryDown', event => event === 'down')
  assert.equal(discovery.status(service).state, 'stale')
  await trial.pass(lastsMs(ttlMs))
  assert.deepEqual(view.since(mark), [], 'the list changed while the registry was out of reach')
  const coming = trial.member().offer(service, 'is=coming')
  await coming.listen()
  await outage.end()
  const wasShort = performance.now() - since < ttlMs

  const after = { ...before, [coming.address]: 'is=coming' }
  await trial.within(5_000, 'the right list', view.shows(after))
  await Promise.all([first, second].map(member => member.server.published()))
  assert.deepEqual(await trial.listed(service), after)
  assert.equal(discovery.status(service).state, 'fresh')
  if (wasShort) for (const entries of view.since(mark)) assert.ok(first.address in entries, 'the list shrank')
  assert.deepEqual(events.all, ['down', 'back'])
  for (const member of [first, second]) {
    assert.ok(member.count('registryDown') <= 1, 'the server told more than once that the registry is down')
    await member.events.until(
      'registryBack after registryDown',
      () => member.count('registryBack') === member.count('registryDown'),
    )
  }
}
