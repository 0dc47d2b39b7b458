import { setTimeout as sleep } from 'node:timers/promises'
import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import type { EchoService } from '@rpcx/testing'
import { atMost, median } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SESSION_MS, Stage } from './stage.ts'

/** Of ZooKeeper, which ends sessions on a tick. */
const TICK_MS = 200

describe.runIf(await requireServer('zookeeper'))('A server process', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('that was killed is gone from every list by its session timeout, a tick and a second', async () => {
    await using stage = await Stage.open(zooKeeper)
    const view = stage.view('Arith')
    const took: number[] = []
    for (let turn = 0; turn < 3; turn++) {
      const program = stage.program('server', { service: 'Arith' })
      const { what } = await program.told.until(({ event }) => event === 'published')
      await view.shows({ [what.address as string]: '' })
      program.signal('SIGKILL')
      const since = performance.now()
      took.push((await view.shows({})).at - since)
    }
    const promised = SESSION_MS + TICK_MS + 1_000
    atMost(promised, 'killed, gone (median of 3)', median(took))
    atMost(promised, 'killed, gone (longest)', Math.max(...took))
  })

  test.each(['blocks its loop', 'is stopped'] as const)(
    'that %s beyond its session is back within two seconds after, once',
    async fault => {
      await using stage = await Stage.open(zooKeeper)
      const program = stage.program('server', { service: 'Arith', metadata: 'n=1' })
      const { what } = await program.told.until(({ event }) => event === 'published')
      const address = what.address as string
      const view = stage.view('Arith')
      await view.shows({ [address]: 'n=1' })
      const { mark } = view
      let over: number
      if (fault === 'is stopped') {
        program.signal('SIGSTOP')
        await view.shows({})
        await sleep(SESSION_MS)
        program.signal('SIGCONT')
        over = performance.now()
      } else {
        program.say(`block ${1.5 * SESSION_MS}`)
        await view.shows({})
        over = (await program.told.until(({ event }) => event === 'unblocked')).at
      }
      const back = await view.until(list => address in list, mark)
      atMost(2_000, `${fault}: back`, back.at - over)
      await sleep(2 * SESSION_MS)
      expect(view.last).toEqual({ [address]: 'n=1' })
      expect(view.since(mark)).toEqual([{}, { [address]: 'n=1' }])
      const lost = program.told.all.filter(({ event }) => event === 'lost')
      expect(lost.map(({ why }) => why)).toEqual(['expired'])
    },
  )

  test('that blocks its loop for less than its session is never gone, nor takes ZooKeeper for gone', async () => {
    await using stage = await Stage.open(zooKeeper)
    const program = stage.program('server', { service: 'Arith' })
    const { what } = await program.told.until(({ event }) => event === 'published')
    const view = stage.view('Arith')
    await view.shows({ [what.address as string]: '' })
    for (let turn = 0; turn < 3; turn++) {
      program.say(`block ${SESSION_MS / 2}`)
      const { mark } = program.told
      await program.told.until(({ event }) => event === 'unblocked', mark)
      await sleep(SESSION_MS / 6)
    }
    await sleep(SESSION_MS)
    expect(view.mark).toBe(1)
    expect(program.told.all.map(({ event }) => event)).not.toContain('registryDown')
  })

  test('is listed only while a connection to it is accepted, through 30 graceful restarts', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    let address = ''
    let isOver = false
    let looks = 0
    const refused: string[] = []
    // Whatever the registry shows is dialled at once.
    const looking = (async () => {
      while (!isOver) {
        const [at] = await hand.children(stage.path('Arith'))
        const found = at === undefined ? undefined : await hand.get(stage.path('Arith', at))
        if (at === undefined || found === undefined) {
          await sleep(1)
          continue
        }
        looks++
        const discovery = new Peer2PeerDiscovery(at)
        const client = new XClient<EchoService>('Arith', discovery, { failMode: 'failfast' })
        try {
          await client.call('Echo', 1)
        } catch (error) {
          if ((error as { code?: string }).code === 'ERR_RPCX_UNAVAILABLE') {
            const still = await hand.get(stage.path('Arith', at))
            if (still?.made === found.made) refused.push(`${at}: ${error}`)
          }
        } finally {
          await client.close()
          await discovery.close()
        }
      }
    })()
    for (let turn = 0; turn < 30; turn++) {
      const listen = address === '' ? '127.0.0.1:0' : address.slice('tcp@'.length)
      const member = await stage.published('Arith', { listen })
      address = member.address
      await sleep(20)
      await member.server.close()
    }
    isOver = true
    await looking
    console.info(`${looks} looks during 30 restarts, ${refused.length} refused`)
    expect(looks).toBeGreaterThan(30)
    expect(refused).toEqual([])
  })
})
