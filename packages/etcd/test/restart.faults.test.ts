import { requireServer, startEtcd } from '@rpcx/servers'
import type { Program } from '@rpcx/testing'
import { atLeast } from '@rpcx/testing'
import { expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { Load } from './load.ts'

const RESTARTS = 30

test.runIf(await requireServer('etcd'))(
  'Rolling restarts of three servers under 2 000 calls a second fail no call',
  async () => {
    await using etcd = await startEtcd()
    await using harness = new Harness(etcd)
    const started = async (listen?: string): Promise<{ program: Program; address: string }> => {
      const program = harness.program('server', { service: 'Arith', ...(listen && { listen }) })
      const { what } = await program.events.until(({ event }) => event === 'published', 0, 20_000)
      return { program, address: what.address as string }
    }
    const servers = await Promise.all([started(), started(), started()])
    const view = harness.view('Arith')
    await view.until(list => Object.keys(list).length === 3)
    const load = new Load(harness.client('Arith'), 2_000)
    for (let restart = 0; restart < RESTARTS; restart++) {
      const index = restart % servers.length
      const { program, address } = servers[index] as (typeof servers)[0]
      program.say('close')
      expect(await program.exit).toEqual({ code: 0, signal: null })
      servers[index] = await started(address.slice('tcp@'.length))
      expect(servers[index]?.address).toBe(address)
    }
    const { calls, perSecond, failures } = await load.end()
    console.info(
      `${RESTARTS} restarts, ${calls} calls, ${perSecond.toFixed(0)} a second, ${failures.length} failed`,
    )
    expect(failures).toEqual([])
    atLeast(1_800, 'calls during restarts', perSecond)
    // Each server left the list and returned.
    expect(view.mark).toBeGreaterThanOrEqual(2 * RESTARTS)
  },
  240_000,
)
