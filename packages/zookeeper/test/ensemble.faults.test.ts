import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Server as Registry } from '@rpcx/servers'
import { requireCluster, startZooKeeperEnsemble } from '@rpcx/servers'
import type { Entries, Member, View } from '@rpcx/testing'
import { atMost } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ZooKeeperDiscoveryOptions } from '../src/index.ts'
import { Harness } from './harness.ts'
import { fourLetters } from './raw-client.ts'

const sessionTimeoutMs = 6_000

describe.runIf(await requireCluster('zookeeper'))('No registration is lost, and no list shrinks,', () => {
  let ensemble: Cluster
  beforeAll(async () => {
    ensemble = await startZooKeeperEnsemble({ config: { maxSessionTimeout: sessionTimeoutMs } })
  })
  afterAll(() => ensemble.stop())

  test('when the leader is killed', async () => {
    await using registrations = await Registrations.open(ensemble)
    const leader = await ensemble.leader()
    await leader.kill()
    await ensemble.leader()
    await registrations.isRight('after the leader was killed')
    await leader.restart()
    await registrations.isRight('after it came back')
  })

  test('while a follower is paused', async () => {
    await using registrations = await Registrations.open(ensemble)
    const follower = await registrations.busiestFollower()
    await follower.pause()
    await registrations.isRight('while a follower is paused')
    await sleep(sessionTimeoutMs)
    await follower.resume()
    await registrations.isRight('after it goes on')
  })

  test('when the quorum is lost for two session timeouts', async () => {
    await using registrations = await Registrations.open(ensemble)
    const [one, two] = ensemble.members as [Registry, Registry]
    await Promise.all([one.kill(), two.kill()])
    await sleep(2 * sessionTimeoutMs)
    expect(registrations.view.all).toEqual([registrations.entries])
    await Promise.all([one.restart(), two.restart()])
    await registrations.isRight('after the quorum is back')
  })
})

/** Some servers of one service at an ensemble, and a view of their list. */
class Registrations implements AsyncDisposable {
  readonly view: View
  readonly #harness: Harness
  readonly #ensemble: Cluster
  readonly #members: readonly Member[]
  readonly #made: readonly (string | undefined)[]
  readonly #options: Partial<ZooKeeperDiscoveryOptions>
  #entries: Entries

  private constructor(
    harness: Harness,
    ensemble: Cluster,
    members: readonly Member[],
    made: readonly (string | undefined)[],
  ) {
    const zooKeeperServers = ensemble.addresses
    this.#options = { zooKeeperServers, sessionTimeoutMs }
    this.#harness = harness
    this.#ensemble = ensemble
    this.#members = members
    this.#made = made
    this.#entries = Object.fromEntries(members.map(({ address }) => [address, '']))
    this.view = harness.view('Arith', harness.discovery(this.#options))
  }

  static async open(ensemble: Cluster): Promise<Registrations> {
    const address = ensemble.addresses[2] as string
    const harness = await Harness.open({ address }, ensemble.addresses)
    const members = await Promise.all(
      Array.from({ length: 5 }, () => harness.published('Arith', { sessionTimeoutMs })),
    )
    // A follower may not have them yet.
    await using reader = await Harness.open(await ensemble.leader())
    const made = await Promise.all(members.map(member => madeBy(reader, member, harness)))
    const registrations = new Registrations(harness, ensemble, members, made)
    await registrations.view.shows(registrations.entries)
    return registrations
  }

  get entries(): Entries {
    return this.#entries
  }

  /** Resolves to the follower with most of our connections. */
  async busiestFollower(): Promise<Registry> {
    const leader = await this.#ensemble.leader()
    const followers = this.#ensemble.members.filter(member => member !== leader)
    const connections = await Promise.all(
      followers.map(async ({ address }) => (await fourLetters(address, 'cons')).split('\n').length),
    )
    return followers[connections.indexOf(Math.max(...connections))] as Registry
  }

  /** Asserts that all entries are registered again, and that a new server is seen. */
  async isRight(when: string): Promise<void> {
    const since = performance.now()
    const coming = await this.#harness.member('Arith', this.#options)
    this.#entries = { ...this.#entries, [coming.address]: '' }
    const { at } = await this.view.shows(this.#entries)
    atMost(5_000, `${when}, the list is right`, at - since)
    await Promise.all(this.#members.map(({ server }) => server.published()))
    await using after = await Harness.open(await this.#ensemble.leader())
    const made = await Promise.all(this.#members.map(member => madeBy(after, member, this.#harness)))
    expect(made).toEqual(this.#made)
    for (const { events } of this.#members)
      expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
    // Each list has all servers of the previous one.
    for (const [n, list] of this.view.all.entries()) {
      expect(Object.keys(list)).toEqual(expect.arrayContaining(Object.keys(this.view.all[n - 1] ?? {})))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#harness[Symbol.asyncDispose]()
  }
}

async function madeBy(reader: Harness, { address }: Member, harness: Harness): Promise<string | undefined> {
  return (await reader.raw.get(harness.path('Arith', address)))?.made
}
