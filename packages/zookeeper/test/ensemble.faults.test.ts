import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Server as Registry } from '@rpcx/servers'
import { requireCluster, startZooKeeperEnsemble } from '@rpcx/servers'
import type { Entries, Member, View } from '@rpcx/testing'
import { atMost } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ZooKeeperDiscoveryOptions } from '../src/index.ts'
import { fourLetters } from './hand.ts'
import { Stage } from './stage.ts'

const sessionTimeoutMs = 6_000

describe.runIf(await requireCluster('zookeeper'))('No registration is lost, and no list shrinks,', () => {
  let ensemble: Cluster
  beforeAll(async () => {
    ensemble = await startZooKeeperEnsemble({ config: { maxSessionTimeout: sessionTimeoutMs } })
  })
  afterAll(() => ensemble.stop())

  test('when the leader is killed', async () => {
    await using fleet = await Fleet.open(ensemble)
    const leader = await ensemble.leader()
    await leader.kill()
    await ensemble.leader()
    await fleet.isRight('after the leader was killed')
    await leader.restart()
    await fleet.isRight('after it came back')
  })

  test('while a follower is paused', async () => {
    await using fleet = await Fleet.open(ensemble)
    const follower = await fleet.busiestFollower()
    await follower.pause()
    await fleet.isRight('while a follower is paused')
    await sleep(sessionTimeoutMs)
    await follower.resume()
    await fleet.isRight('after it goes on')
  })

  test('when the quorum is lost for two session timeouts', async () => {
    await using fleet = await Fleet.open(ensemble)
    const [one, two] = ensemble.members as [Registry, Registry]
    await Promise.all([one.kill(), two.kill()])
    await sleep(2 * sessionTimeoutMs)
    expect(fleet.view.all).toEqual([fleet.entries])
    await Promise.all([one.restart(), two.restart()])
    await fleet.isRight('after the quorum is back')
  })
})

/** Some servers of one service, somewhere at an ensemble, and who follows them. */
class Fleet implements AsyncDisposable {
  readonly view: View
  readonly #stage: Stage
  readonly #ensemble: Cluster
  readonly #members: readonly Member[]
  readonly #made: readonly (string | undefined)[]
  readonly #options: Partial<ZooKeeperDiscoveryOptions>
  #entries: Entries

  private constructor(
    stage: Stage,
    ensemble: Cluster,
    members: readonly Member[],
    made: readonly (string | undefined)[],
  ) {
    const zooKeeperServers = ensemble.addresses
    this.#options = { zooKeeperServers, sessionTimeoutMs }
    this.#stage = stage
    this.#ensemble = ensemble
    this.#members = members
    this.#made = made
    this.#entries = Object.fromEntries(members.map(({ address }) => [address, '']))
    this.view = stage.view('Arith', stage.discovery(this.#options))
  }

  static async open(ensemble: Cluster): Promise<Fleet> {
    const address = ensemble.addresses[2] as string
    const stage = await Stage.open({ address }, ensemble.addresses)
    const members = await Promise.all(
      Array.from({ length: 5 }, () => stage.published('Arith', { sessionTimeoutMs })),
    )
    // A follower may not know of them yet.
    await using reader = await Stage.open(await ensemble.leader())
    const made = await Promise.all(members.map(member => madeBy(reader, member, stage)))
    const fleet = new Fleet(stage, ensemble, members, made)
    await fleet.view.shows(fleet.entries)
    return fleet
  }

  get entries(): Entries {
    return this.#entries
  }

  /** The follower that most of us are connected to. */
  async busiestFollower(): Promise<Registry> {
    const leader = await this.#ensemble.leader()
    const followers = this.#ensemble.members.filter(member => member !== leader)
    const connections = await Promise.all(
      followers.map(async ({ address }) => (await fourLetters(address, 'cons')).split('\n').length),
    )
    return followers[connections.indexOf(Math.max(...connections))] as Registry
  }

  /** Whatever was lost meanwhile is there again, and a server that comes is seen. */
  async isRight(when: string): Promise<void> {
    const since = performance.now()
    const coming = await this.#stage.member('Arith', this.#options)
    this.#entries = { ...this.#entries, [coming.address]: '' }
    const { at } = await this.view.shows(this.#entries)
    atMost(5_000, `${when}, the list is right`, at - since)
    await Promise.all(this.#members.map(({ server }) => server.published()))
    await using after = await Stage.open(await this.#ensemble.leader())
    const made = await Promise.all(this.#members.map(member => madeBy(after, member, this.#stage)))
    expect(made).toEqual(this.#made)
    for (const { told } of this.#members) expect(told.all.filter(({ event }) => event === 'lost')).toEqual([])
    // Each list has all of the one before.
    for (const [n, list] of this.view.all.entries()) {
      expect(Object.keys(list)).toEqual(expect.arrayContaining(Object.keys(this.view.all[n - 1] ?? {})))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stage[Symbol.asyncDispose]()
  }
}

async function madeBy(reader: Stage, { address }: Member, stage: Stage): Promise<string | undefined> {
  return (await reader.hand.get(stage.path('Arith', address)))?.made
}
