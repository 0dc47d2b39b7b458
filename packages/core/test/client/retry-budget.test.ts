import { describe, expect, test } from 'vitest'
import { RetryBudget } from '../../src/client/endpoints/retry-budget.ts'
import { systemClock } from '../../src/clock.ts'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import type { BarePeer } from '../bare-peer.ts'
import { beatingServer } from '../beating-server.ts'
import { clientOf, failure } from '../helpers.ts'

interface Any {
  method(args?: unknown): unknown
}

const reset = (_message: Message, peer: BarePeer): void => void peer.socket.resetAndDestroy()
const decline = (message: Message, peer: BarePeer): void =>
  peer.reply(message, {
    flags: Flag.error,
    metadata: { [ReservedKey.error]: 'busy', [ReservedKey.code]: 'ERR_RPCX_NOT_EXECUTED' },
  })

describe('a list of servers that all fail', () => {
  test.each([
    ['resets each connection on a call', reset],
    ['declines each call', decline],
  ])('and %s gets at most a tenth more load from retries', async (_how, answer) => {
    const servers = await Promise.all(Array.from({ length: 5 }, () => beatingServer(answer)))
    const options = { failMode: 'failover', idempotent: true, timeoutMs: 2_000 } as const
    const client = clientOf<Any>('Any', servers, options)
    let spent = 0
    client.on('budgetSpent', () => spent++)
    let started = 0
    const loop = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        started++
        await failure(client.call('method'))
      }
    }
    await Promise.all(Array.from({ length: 10 }, loop))
    const load = servers.reduce((sum, { requests }) => sum + requests.length, 0)
    console.info(`${started} calls that all fail made ${load} requests`)
    expect(load).toBeLessThanOrEqual(started * 1.1)
    expect(spent).toBeGreaterThan(0)
  })
})

describe('a retry budget', () => {
  test('allows 10 retries at first, and then the given share of the calls', () => {
    const spent: number[] = []
    const budget = new RetryBudget(systemClock, 0.25, () => spent.push(budget.calls))
    const take = (): number => {
      let taken = 0
      while (budget.take()) taken++
      return taken
    }
    expect(take()).toBe(10)
    budget.calls = 40
    expect(take()).toBe(0)
    budget.calls = 100
    expect(take()).toBe(15)
    expect(spent).toEqual([0, 100])
  })

  test('of 0 allows none', () => {
    expect(new RetryBudget(systemClock, 0, () => {}).take()).toBe(false)
  })
})
