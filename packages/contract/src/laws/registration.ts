import assert from 'node:assert/strict'
import type { Driver, Metrics } from '@rpcx/core'
import { RegisterPlugin } from '@rpcx/core'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import { Log } from '../log.ts'

export const registration: Readonly<Record<string, Law>> = {
  'a server is discovered with its exact address and metadata': law(
    'how driver.ts encodes and decodes addresses and metadata',
    async trial => {
      const [full, bare] = [trial.service(), trial.service()]
      const metadata = 'weight=10&group=b&group=a&note=%c3%a9+~*'
      const member = await trial.member().offer(full, metadata).offer(bare).start()
      const [endpoint] = await trial.view(full).shows({ [member.address]: metadata })
      assert.equal(endpoint?.network, member.address.split('@')[0])
      assert.deepEqual(endpoint?.values.get('group'), ['b', 'a'])
      assert.deepEqual(endpoint?.values.get('note'), ['é ~*'])
      await trial.view(bare).shows({ [member.address]: '' })
    },
  ),

  'close() withdraws all services of the server': law(
    '`remove()` and `close()` of driver.ts',
    async trial => {
      const services = [trial.service(), trial.service()]
      const member = trial.member()
      for (const service of services) member.offer(service)
      await member.start()
      const discovery = trial.discovery()
      const views = services.map(service => trial.view(service, discovery))
      for (const view of views) await view.shows({ [member.address]: '' })
      await member.server.close()
      for (const service of services) assert.deepEqual(await trial.listed(service), {})
      for (const view of views) await view.shows({})
      assert.equal(member.count('withdrawn'), services.length)
    },
  ),

  'unregister() withdraws only that service': law(
    '`remove()` of driver.ts: what several entries of one session share must stay',
    async trial => {
      const [leaving, staying] = [trial.service(), trial.service()]
      const member = await trial.member().offer(leaving).offer(staying).start()
      const { address, server } = member
      const discovery = trial.discovery()
      const [left, stayed] = [trial.view(leaving, discovery), trial.view(staying, discovery)]
      await left.shows({ [address]: '' })
      await stayed.shows({ [address]: '' })
      await server.unregister(leaving)
      assert.deepEqual(await trial.listed(leaving), {})
      await left.shows({})
      await server.setMetadata(staying, 'after=1')
      await stayed.shows({ [address]: 'after=1' })
      assert.deepEqual(stayed.since(0), [{ [address]: '' }, { [address]: 'after=1' }])
      assert.equal(member.count('lost'), 0)
    },
  ),

  'setMetadata() reaches every watch, never through an empty list': law(
    '`write()` of driver.ts: it replaces an entry, and never deletes it first',
    async trial => {
      const service = trial.service()
      const { address, server } = await trial.member().offer(service, 'n=0').start()
      const view = trial.view(service)
      await view.shows({ [address]: 'n=0' })
      for (let n = 1; n <= 10; n++) {
        const shown = server.setMetadata(service, `n=${n}`).then(() => view.shows({ [address]: `n=${n}` }))
        await trial.within(1_000, 'setMetadata()', shown)
      }
      for (const entries of view.since(0)) assert.deepEqual(Object.keys(entries), [address])
    },
  ),

  'the last of many setMetadata() wins': law(
    '`write()` of driver.ts: the version that it resolves to is that of this very write',
    async trial => {
      const service = trial.service()
      const member = await trial.member().offer(service, 'n=0').start()
      const { address, server } = member
      const view = trial.view(service)
      for (let n = 1; n <= 10; n++) await server.setMetadata(service, `n=${n}`)
      await Promise.all([11, 12, 13].map(n => server.setMetadata(service, `n=${n}`)))
      await view.shows({ [address]: 'n=13' })
      const mark = view.mark
      const marker = await trial.member().offer(service, 'marker=1').start()
      await view.shows({ [address]: 'n=13', [marker.address]: 'marker=1' })
      assert.equal((await trial.listed(service))[address], 'n=13', 'not the last one stands')
      for (const entries of view.since(mark))
        assert.equal(entries[address], 'n=13', 'an earlier one came back')
    },
  ),

  "calls and connections are written in Go's format": law(
    '`write()` of driver.ts with the audience `metrics`',
    async trial => {
      const service = trial.service()
      const figures = new Figures(trial.signal)
      const member = trial.member({ metrics: figures, updateIntervalMs: 50 })
      const { address, server } = await member.offer(service, 'weight=1').start()
      await figures.read()
      await server.published()
      assert.deepEqual(await trial.listed(service), { [address]: 'calls=0.00&connections=12.35&weight=1' })
      figures.callsPerSecond = 2.5
      await figures.read()
      await server.published()
      assert.deepEqual(await trial.listed(service), { [address]: 'calls=2.50&connections=12.35&weight=1' })
    },
  ),

  'a plugin whose registry is down does not delay other plugins': law(
    '`open()` of driver.ts: one attempt, which ends with its signal',
    async trial => {
      const service = trial.service()
      const member = trial.member().offer(service, 'n=0')
      const dead: Driver = {
        name: 'dead',
        traits: { crash: 'ttl', edits: true, publishes: 'listening' },
        check: () => {},
        open: () => Promise.reject(new Error('this registry is never up')),
      }
      member.server.plugins.add(new RegisterPlugin(dead, {}))
      await member.listen()
      const view = trial.view(service)
      await view.shows({ [member.address]: 'n=0' })
      assert.equal(member.count('registryDown'), 1)
      await trial.within(1_000, 'close()', member.server.close())
      assert.deepEqual(await trial.listed(service), {})
      await view.shows({})
    },
  ),

  'one plugin registers several servers': law(
    'what the sessions of one driver in driver.ts share',
    async trial => {
      const service = trial.service()
      const driver = trial.bench.driver()
      const [leaving, staying] = [trial.member({}, driver), trial.member({}, driver)]
      await leaving.offer(service, 'is=leaving').start()
      await staying.offer(service, 'is=staying').start()
      const view = trial.view(service)
      await view.shows({ [leaving.address]: 'is=leaving', [staying.address]: 'is=staying' })
      await leaving.server.close()
      await view.shows({ [staying.address]: 'is=staying' })
      await staying.server.setMetadata(service, 'is=here')
      await view.shows({ [staying.address]: 'is=here' })
      for (const entries of view.since(0)) assert.ok(staying.address in entries || leaving.address in entries)
      assert.equal(staying.count('lost'), 0)
    },
  ),
}

/** Metrics that a law sets. It can wait until the server reads them. */
export class Figures implements Metrics {
  callsPerSecond = 0
  readonly calls: { rateMean(): number } = { rateMean: () => this.callsPerSecond }
  readonly connections: { rateMean(): number } = {
    rateMean: () => {
      this.#ticks.add(this.callsPerSecond)
      return 12.345_6
    },
  }
  readonly #ticks: Log<number>

  constructor(signal: AbortSignal) {
    this.#ticks = new Log(signal)
  }

  /** Resolves when the server has read the current figures. */
  async read(): Promise<void> {
    const wanted = this.callsPerSecond
    await this.#ticks.until(
      'the next tick of the figures',
      figure => figure === wanted,
      this.#ticks.all.length,
    )
  }
}
