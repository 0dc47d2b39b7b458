import type { Replica } from '@rpcx/core'
import { merge } from '@rpcx/core'
import { describe, expect, test } from 'vitest'

/** Records the changes of a list, step by step. */
class Steps implements Replica {
  readonly all: unknown[] = []

  replace(all: Iterable<readonly [string, string]>): void {
    this.all.push(Object.fromEntries(all))
  }
  put(...entry: [string, string]): void {
    this.all.push(entry)
  }
  remove(address: string): void {
    this.all.push(address)
  }
  ignore(address: string, { message }: Error): void {
    this.all.push({ ignored: address, message })
  }
}

function two(): { steps: Steps; first: Replica; second: Replica } {
  const steps = new Steps()
  const [first, second] = merge(steps, 2) as [Replica, Replica]
  return { steps, first, second }
}

describe('two merged lists', () => {
  test('publish nothing until both are there, and then prefer the entries of the first', () => {
    const { steps, first, second } = two()
    second.replace([
      ['a', 'second'],
      ['b', 'second'],
    ])
    second.put('c', 'second')
    expect(steps.all).toEqual([])
    first.replace([['a', 'first']])
    expect(steps.all).toEqual([{ a: 'first', b: 'second', c: 'second' }])
  })

  test('show the newest entry of the second as soon as the first no longer has one', () => {
    const { steps, first, second } = two()
    second.replace([['a', 'second']])
    first.replace([['a', 'first']])
    second.put('a', 'second2')
    first.remove('a')
    second.remove('a')
    expect(steps.all.slice(1)).toEqual([['a', 'first'], ['a', 'second2'], 'a'])
  })

  test('can each be replaced again', () => {
    const { steps, first, second } = two()
    first.replace([['a', 'first']])
    second.replace([['b', 'second']])
    first.replace([])
    expect(steps.all).toEqual([{ a: 'first', b: 'second' }, { b: 'second' }])
  })

  test('report what either ignores', () => {
    const { steps, first, second } = two()
    first.ignore('a', new Error('is a proxy'))
    second.ignore('b', new Error('has no port'))
    expect(steps.all).toEqual([
      { ignored: 'a', message: 'is a proxy' },
      { ignored: 'b', message: 'has no port' },
    ])
  })
})
