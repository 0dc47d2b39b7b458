import { setTimeout as sleep } from 'node:timers/promises'
import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import type { EchoService } from '@rpcx/testing'
import { atMost, median } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage, TTL_MS } from './stage.ts'

describe.runIf(await requireServer('consul'))('A server process', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('that was killed is gone from every list by twice its life and two seconds', async () => {
    await using stage = new Stage(consul)
    const view = stage.view('Arith')
    const took: number[] = []
    for (let turn = 0; turn < 3; turn++) {
      const program = stage.program('server', { service: 'Arith', ttlMs: TTL_MS })
      const { what } = await program.told.until(({ event }) => event === 'published')
      await view.shows({ [what.address as string]: '' })
      program.signal('SIGKILL')
      const since = performance.now()
      took.push((await view.shows({})).at - since)
    }
    atMost(2 * TTL_MS + 2_000, 'killed, gone (median of 3)', median(took))
    atMost(2 * TTL_MS + 2_000, 'killed, gone (longest)', Math.max(...took))
  })

  test.each(['blocks its loop', 'is stopped'] as const)(
    'that %s beyond its life is back within two seconds after, once',
    async fault => {
      await using stage = new Stage(consul)
      const program = stage.program('server', { service: 'Arith', ttlMs: TTL_MS, metadata: 'n=1' })
      const { what } = await program.told.until(({ event }) => event === 'published')
      const address = what.address as string
      const view = stage.view('Arith')
      await view.shows({ [address]: 'n=1' })
      const { mark } = view
      let over: number
      if (fault === 'is stopped') {
        program.signal('SIGSTOP')
        await view.shows({})
        await sleep(TTL_MS)
        program.signal('SIGCONT')
        over = performance.now()
      } else {
        program.say(`block ${2.5 * TTL_MS}`)
        await view.shows({})
        over = (await program.told.until(({ event }) => event === 'unblocked')).at
      }
      const back = await view.until(list => address in list, mark)
      atMost(2_000, `${fault}: back`, back.at - over)
      // Consul takes up to twice the life of a session, so that of the one before is over.
      await sleep(4 * TTL_MS)
      expect(view.last).toEqual({ [address]: 'n=1' })
      expect(view.since(mark)).toEqual([{}, { [address]: 'n=1' }])
      const lost = program.told.all.filter(({ event }) => event === 'lost')
      expect(lost.map(({ why }) => why)).toEqual(['deleted'])
    },
  )

  test('that blocks its loop for less than its life is never gone', async () => {
    await using stage = new Stage(consul)
    const program = stage.program('server', { service: 'Arith', ttlMs: TTL_MS })
    const { what } = await program.told.until(({ event }) => event === 'published')
    const view = stage.view('Arith')
    await view.shows({ [what.address as string]: '' })
    for (let turn = 0; turn < 3; turn++) {
      program.say(`block ${TTL_MS / 2}`)
      const { mark } = program.told
      await program.told.until(({ event }) => event === 'unblocked', mark)
      await sleep(TTL_MS / 6)
    }
    await sleep(TTL_MS)
    expect(view.mark).toBe(1)
  })

  test('is listed only while a connection to it is accepted, through 30 graceful restarts', async () => {
    await using stage = new Stage(consul)
    const { hand } = stage
    let address = ''
    let isOver = false
    let looks = 0
    const refused: string[] = []
    // Whatever the registry shows is dialled at once.
    const looking = (async () => {
      while (!isOver) {
        const [found] = await hand.all(`${stage.key('Arith')}/`)
        if (found === undefined) {
          await sleep(1)
          continue
        }
        looks++
        const at = found.key.slice(found.key.lastIndexOf('/') + 1)
        const discovery = new Peer2PeerDiscovery(at)
        const client = new XClient<EchoService>('Arith', discovery, { failMode: 'failfast' })
        try {
          await client.call('Echo', 1)
        } catch (error) {
          if ((error as { code?: string }).code === 'ERR_RPCX_UNAVAILABLE') {
            const [still] = await hand.all(`${stage.key('Arith')}/`)
            if (still?.modifyIndex === found.modifyIndex) refused.push(`${at}: ${error}`)
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
