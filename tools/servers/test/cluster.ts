import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { untilResolved } from '../src/deadline.ts'
import { type Cluster, type Kind, requireCluster, type Server } from '../src/index.ts'
import { folderOf, isAlive } from './lifecycle.ts'

/** How one kind of cluster is started and used in the tests that all kinds share. */
export interface ClusterSubject {
  readonly kind: Kind
  start(): Promise<Cluster>
  write(address: string, key: string): Promise<void>
  has(address: string, key: string): Promise<boolean>
  /** Whether the member itself says that it is part of a majority. */
  hasMajority(member: Server): Promise<boolean>
  /** How long members may need to agree again, default 5 000. */
  readonly settleMs?: number
}

/** Defines the tests that all kinds of clusters share. Each test gets the healthy cluster that the previous one left. */
export async function describeCluster(subject: ClusterSubject): Promise<void> {
  const { settleMs = 5_000 } = subject
  const options = { timeout: 20_000 + 2 * settleMs }
  describe.runIf(await requireCluster(subject.kind))(`A cluster of ${subject.kind}`, options, () => {
    let cluster: Cluster

    beforeAll(async () => {
      cluster = await subject.start()
    })
    afterAll(() => cluster.stop())

    const others = (member: Server) => cluster.members.filter(other => other !== member)

    /** Waits until the members agree again, and have the data that were written meanwhile. */
    async function whole(key: string): Promise<void> {
      for (const { address } of cluster.members) {
        const holds = async () => expect(await subject.has(address, key)).toBe(true)
        await untilResolved(holds, { what: `${key} at ${address}`, timeoutMs: settleMs })
      }
    }

    async function written(key: string, members: readonly Server[]): Promise<void> {
      const [member] = members as [Server]
      const write = () => subject.write(member.address, key)
      await untilResolved(write, { what: `a write of ${key}`, timeoutMs: settleMs })
    }

    async function lost(member: Server): Promise<void> {
      const alone = async () => expect(await subject.hasMajority(member)).toBe(false)
      await untilResolved(alone, { what: `${member.address} to be alone`, timeoutMs: 10_000 })
    }

    test('has three members that share their data, and one of them leads', async () => {
      expect(cluster.addresses).toHaveLength(3)
      await subject.write(cluster.addresses[0] as string, 'first')
      await whole('first')
      expect(cluster.members).toContain(await cluster.leader())
    })

    test('elects another leader when one is killed, which returns with its data and what it missed', async () => {
      const killed = await cluster.leader()
      const since = performance.now()
      await killed.kill()
      const next = await cluster.leader()
      console.log(`${subject.kind}: another leader ${Math.round(performance.now() - since)} ms after a kill`)
      expect(next).not.toBe(killed)
      await written('second', others(killed))
      await killed.restart()
      await whole('first')
      await whole('second')
    })

    test.each(['partition', 'stall'] as const)(
      'goes on behind a %s without its leader, which knows that it lost the others, until the fault ends',
      async how => {
        const away = await cluster.leader()
        const since = performance.now()
        cluster[how](away)
        const next = await cluster.leader()
        console.log(
          `${subject.kind}: another leader ${Math.round(performance.now() - since)} ms after a ${how}`,
        )
        expect(next).not.toBe(away)
        await written(how, others(away))
        await lost(away)
        const healedAt = performance.now()
        await cluster.heal()
        await whole(how)
        console.log(`${subject.kind}: whole ${Math.round(performance.now() - healedAt)} ms after the ${how}`)
      },
    )

    test('keeps its leader while a follower is unreachable', async () => {
      const leader = await cluster.leader()
      const [away] = others(leader) as [Server]
      cluster.partition(away)
      await lost(away)
      expect(await cluster.leader()).toBe(leader)
      await written('without-follower', [leader])
      await cluster.heal()
      await whole('without-follower')
    })

    test('elects another leader when one is paused', async () => {
      const paused = await cluster.leader()
      await paused.pause()
      expect(await cluster.leader()).not.toBe(paused)
      await written('paused', others(paused))
      await paused.resume()
      await whole('paused')
    })

    test('stops serving without a majority and serves again with one', async () => {
      const [one, two, left] = cluster.members as [Server, Server, Server]
      await Promise.all([one.kill(), two.kill()])
      await lost(left)
      await Promise.all([one.restart(), two.restart()])
      await written('majority', [left])
      await whole('majority')
    })

    test('restarts as a whole with its data', async () => {
      const { addresses } = cluster
      await cluster.restart()
      expect(cluster.members.map(({ address }) => address)).toEqual(addresses)
      await whole('majority')
      expect(cluster.members).toContain(await cluster.leader())
    })

    test('cannot cut off a server outside the cluster', async () => {
      await using other = await subject.start()
      expect(() => cluster.partition(other.members[0] as Server)).toThrow('no member of this cluster')
      await subject.write(other.addresses[0] as string, 'other')
      expect(await subject.has(cluster.addresses[0] as string, 'other')).toBe(false)
    })

    test('is removed with its data by stop()', async () => {
      const pids = cluster.members.map(({ pid }) => pid as number)
      const folders = cluster.addresses.map(folderOf)
      expect([pids.every(isAlive), folders.every(existsSync)]).toEqual([true, true])
      await cluster.stop()
      expect([pids.some(isAlive), folders.some(existsSync)]).toEqual([false, false])
    })
  })
}
