import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Server as Registry } from '@rpcx/servers'
import { requireCluster, startEtcdCluster } from '@rpcx/servers'
import type { Entries, Member, View } from '@rpcx/testing'
import { atLeast, atMost } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Gateway } from './gateway.ts'
import { Harness } from './harness.ts'
import { Load } from './load.ts'

const TTL_MS = 3_000

describe.runIf(await requireCluster('etcd'))(
  'No registration is lost, no list shrinks and no call fails,',
  () => {
    let cluster: Cluster
    beforeAll(async () => {
      cluster = await startEtcdCluster()
    })
    afterAll(() => cluster.stop())

    test('when the leader is killed', async () => {
      await using registrations = await Registrations.open(cluster)
      const leader = await cluster.leader()
      await leader.kill()
      await cluster.leader()
      await registrations.isRight('after the leader was killed')
      await leader.restart()
      await registrations.isRight('after it came back')
    })

    test('while a follower is paused', async () => {
      await using registrations = await Registrations.open(cluster)
      const leader = await cluster.leader()
      const follower = cluster.members.find(member => member !== leader) as Registry
      await follower.pause()
      await sleep(2 * TTL_MS)
      await registrations.isRight('while a follower is paused')
      await follower.resume()
      await registrations.isRight('after it goes on')
    })

    test('when the quorum is lost for twice the life of a lease', async () => {
      await using registrations = await Registrations.open(cluster)
      const [one, two] = cluster.members as [Registry, Registry]
      await Promise.all([one.kill(), two.kill()])
      await sleep(2 * TTL_MS)
      expect(registrations.view.all).toEqual([registrations.entries])
      await Promise.all([one.restart(), two.restart()])
      await cluster.leader()
      await registrations.isRight('after the quorum is back')
    })

    test('while all members are restarted, one by one', async () => {
      await using registrations = await Registrations.open(cluster)
      for (const [n, member] of cluster.members.entries()) {
        await member.restart()
        await cluster.leader()
        await registrations.isRight(`after member ${n + 1} was restarted`)
      }
    })
  },
)

/** Five servers of one service under 1 000 calls per second, and a view of their list. */
class Registrations implements AsyncDisposable {
  readonly view: View
  readonly #harness: Harness
  readonly #cluster: Cluster
  readonly #members: readonly Member[]
  readonly #load: Load
  readonly #leases: readonly (string | undefined)[]
  #entries: Entries

  private constructor(
    harness: Harness,
    cluster: Cluster,
    members: readonly Member[],
    leases: readonly (string | undefined)[],
  ) {
    this.#harness = harness
    this.#cluster = cluster
    this.#members = members
    this.#leases = leases
    this.#entries = Object.fromEntries(members.map(({ address }) => [address, '']))
    this.view = harness.view('Arith')
    this.#load = new Load(harness.client('Arith'), 1_000)
  }

  static async open(cluster: Cluster): Promise<Registrations> {
    const harness = new Harness(await cluster.leader(), cluster.addresses)
    const members = await Promise.all(
      Array.from({ length: 5 }, () => harness.published('Arith', { ttlMs: TTL_MS })),
    )
    const leases = await Promise.all(members.map(member => leaseOf(harness.gateway, harness, member)))
    const registrations = new Registrations(harness, cluster, members, leases)
    await registrations.view.shows(registrations.entries)
    return registrations
  }

  get entries(): Entries {
    return this.#entries
  }

  /** Asserts that all earlier registrations exist with their leases, and that a new server is seen. */
  async isRight(when: string): Promise<void> {
    const since = performance.now()
    const coming = await this.#harness.member('Arith', { ttlMs: TTL_MS })
    this.#entries = { ...this.#entries, [coming.address]: '' }
    const { at } = await this.view.shows(this.#entries, 30_000)
    atMost(5_000, `${when}, the list is right`, at - since)
    const gateway = new Gateway((await this.#cluster.leader()).address)
    const leases = await Promise.all(this.#members.map(member => leaseOf(gateway, this.#harness, member)))
    expect(leases).toEqual(this.#leases)
    for (const { events } of this.#members)
      expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
    // Each list has all servers of the previous one.
    for (const [n, list] of this.view.all.entries()) {
      expect(Object.keys(list)).toEqual(expect.arrayContaining(Object.keys(this.view.all[n - 1] ?? {})))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { calls, perSecond, failures } = await this.#load.end()
    await this.#harness[Symbol.asyncDispose]()
    console.info(`${calls} calls, ${perSecond.toFixed(0)} a second, ${failures.length} failed`)
    expect(failures).toEqual([])
    atLeast(800, 'calls meanwhile', perSecond)
  }
}

async function leaseOf(gateway: Gateway, harness: Harness, { address }: Member): Promise<string | undefined> {
  return (await gateway.get(harness.key('Arith', address)))?.lease
}
