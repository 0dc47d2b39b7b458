import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { RawClient } from './raw-client.ts'

describe.runIf((await requireServer('consul')) && !process.env.RPCX_CONSUL)(
  'A client agent that leaves',
  () => {
    let consul: Server
    beforeAll(async () => {
      consul = await startConsul()
    })
    afterAll(() => consul.stop())

    test('removes the entries of its servers, which return once it has joined again', async () => {
      await using agent = await startConsul({ clientOf: consul })
      await using harness = new Harness(agent)
      const { address, events } = await harness.published('Arith', { metadata: 'n=1' })
      const view = harness.view('Arith', harness.discovery({ consulServers: consul.address }))
      await view.shows({ [address]: 'n=1' })
      await leave(agent)
      await view.shows({}, 30_000)
      const since = performance.now()
      await agent.restart()
      await view.shows({ [address]: 'n=1' }, 30_000)
      console.info(`back ${(performance.now() - since).toFixed(0)} ms after the agent was started`)
      expect(events.all.map(({ event }) => event)).toContain('lost')
    })

    test('makes its servers register at the second agent of their list within seconds', async () => {
      await using agent = await startConsul({ clientOf: consul })
      await using second = await startConsul({ clientOf: consul })
      await using harness = new Harness(agent, [agent.address, second.address])
      const { address, server, events } = await harness.published('Arith', { metadata: 'n=1' })
      const key = harness.key('Arith', address)
      const first = await agentOf(consul, key)
      const since = performance.now()
      await leave([agent, second].find(one => first === nameOf(one)) as Server)
      await events.until(({ event }) => event === 'lost')
      await server.published()
      console.info(
        `back ${(performance.now() - since).toFixed(0)} ms after the first agent was told to leave`,
      )
      const other = [agent, second].map(nameOf).find(name => name !== first)
      expect(await agentOf(consul, key)).toBe(other)
    })
  },
)

/** Resolves to the node whose session holds the key. */
async function agentOf(consul: Server, key: string): Promise<string | undefined> {
  const session = (await new RawClient(consul.address).get(key))?.session
  const sessions: unknown = await (await fetch(`http://${consul.address}/v1/session/list`)).json()
  return (sessions as { ID: string; Node: string }[]).find(({ ID }) => ID === session)?.Node
}

function nameOf({ address }: Server): string {
  return `client-${address.split(':')[1]}`
}

async function leave({ address }: Server): Promise<void> {
  await fetch(`http://${address}/v1/agent/leave`, { method: 'PUT' }).catch(() => {})
}
