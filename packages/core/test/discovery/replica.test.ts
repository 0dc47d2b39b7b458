import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Endpoints } from '../../src/discovery/discovery.ts'
import type { ReplicaOwner } from '../../src/discovery/replica.ts'
import { ServiceReplica } from '../../src/discovery/replica.ts'

class Owner implements ReplicaOwner {
  readonly lists: Endpoints[] = []
  readonly told: string[] = []

  published(endpoints: Endpoints): void {
    this.lists.push(endpoints)
  }
  added({ address }: { address: string }): void {
    this.told.push(`added ${address}`)
  }
  changed({ metadata }: { metadata: string }, before: { metadata: string }): void {
    this.told.push(`changed ${before.metadata} to ${metadata}`)
  }
  removed({ address }: { address: string }): void {
    this.told.push(`removed ${address}`)
  }
  ignored(address: string): void {
    this.told.push(`ignored ${address}`)
  }
  unreadable({ metadata }: { metadata: string }): void {
    this.told.push(`unreadable ${metadata}`)
  }

  get last(): Record<string, string> {
    return Object.fromEntries((this.lists.at(-1) ?? []).map(({ address, metadata }) => [address, metadata]))
  }
}

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('the replica of a service', () => {
  test('publishes its first list, also an empty one', async () => {
    const owner = new Owner()
    new ServiceReplica(systemClock, owner).replace([])
    await tick()
    expect(owner.lists).toEqual([[]])
  })

  test('publishes frozen lists in the order of addresses, with all changes of one tick at once', async () => {
    const owner = new Owner()
    const replica = new ServiceReplica(systemClock, owner)
    replica.replace([
      ['b@1', 'n=1'],
      ['a@1', 'n=1'],
    ])
    replica.put('c@1', 'n=1')
    replica.remove('b@1')
    await tick()
    expect(owner.lists).toHaveLength(1)
    expect(owner.lists[0]?.map(({ address }) => address)).toEqual(['a@1', 'c@1'])
    expect(Object.isFrozen(owner.lists[0])).toBe(true)
  })

  test('publishes nothing when nothing changed', async () => {
    const owner = new Owner()
    const replica = new ServiceReplica(systemClock, owner)
    replica.replace([['a@1', 'n=1']])
    await tick()
    replica.replace([['a@1', 'n=1']])
    replica.put('a@1', 'n=1')
    replica.remove('b@1')
    await tick()
    expect(owner.lists).toHaveLength(1)
    expect(owner.told).toEqual(['added a@1'])
  })

  test('reports what a new list adds, changes and removes', async () => {
    const owner = new Owner()
    const replica = new ServiceReplica(systemClock, owner)
    replica.replace([
      ['a@1', 'n=1'],
      ['b@1', 'n=1'],
    ])
    owner.told.length = 0
    replica.replace([
      ['b@1', 'n=2'],
      ['c@1', 'n=1'],
    ])
    await tick()
    expect(owner.told).toEqual(['changed n=1 to n=2', 'added c@1', 'removed a@1'])
    expect(owner.last).toEqual({ 'b@1': 'n=2', 'c@1': 'n=1' })
  })

  test('ignores a malformed address, reports it once, and keeps the rest', async () => {
    const owner = new Owner()
    const replica = new ServiceReplica(systemClock, owner)
    replica.replace([
      ['tcp@', ''],
      ['a@1', ''],
    ])
    replica.put('tcp@', 'n=2')
    replica.remove('tcp@')
    await tick()
    expect(owner.told).toEqual(['ignored tcp@', 'added a@1'])
    expect(owner.last).toEqual({ 'a@1': '' })
  })

  test('ignores an entry on the word of its driver, and reports it once', async () => {
    const owner = new Owner()
    const replica = new ServiceReplica(systemClock, owner)
    for (const text of ['is a proxy', 'is still a proxy']) replica.ignore('tcp@a:1', new Error(text))
    replica.replace([])
    await tick()
    expect(owner.told).toEqual(['ignored tcp@a:1'])
    expect(owner.last).toEqual({})
  })

  test('lists a server with malformed metadata, and reports each such string once', async () => {
    const owner = new Owner()
    const replica = new ServiceReplica(systemClock, owner)
    replica.replace([
      ['a@1', 'rate=50%'],
      ['b@1', '&'],
    ])
    replica.put('a@1', 'rate=50%')
    await tick()
    expect(owner.last).toEqual({ 'a@1': 'rate=50%', 'b@1': '&' })
    replica.put('a@1', 'rate=60%')
    expect(owner.told.filter(text => text.startsWith('unreadable'))).toEqual([
      'unreadable rate=50%',
      'unreadable rate=60%',
    ])
  })

  test('never publishes part of a large list, and applies later changes in order', async () => {
    const owner = new Owner()
    const replica = new ServiceReplica(systemClock, owner)
    const many = (metadata: string) =>
      Array.from({ length: 50_000 }, (_, n) => [`s${n}@1`, metadata] as const)
    replica.replace(many('n=1'))
    replica.put('s7@1', 'n=2')
    replica.remove('s8@1')
    while (owner.lists.length === 0) await tick()
    expect(owner.lists[0]).toHaveLength(49_999)
    expect(owner.last['s7@1']).toBe('n=2')
    replica.put('s7@1', 'n=3')
    replica.replace(many('n=4'))
    while (owner.last['s7@1'] !== 'n=4') await tick()
    for (const list of owner.lists.slice(1)) {
      const texts = new Set(list.map(({ metadata }) => metadata))
      expect(list.length === 50_000 || texts.has('n=1')).toBe(true)
      expect(texts.has('n=4') && texts.has('n=1')).toBe(false)
    }
  })
})
