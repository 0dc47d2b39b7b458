import { describe, expect, test } from 'vitest'
import type { CallRecord, History } from '../src/history.ts'
import { oracles } from '../src/oracles.ts'

const call: CallRecord = {
  id: 'client1.1',
  method: 'once',
  at: 10_000,
  tookMs: 5,
  stalledMs: 0,
  timeoutMs: 300,
  code: undefined,
  answer: 'client1.1',
}
const execution = { id: call.id, server: 'server1#1', at: 10_001 }
const held = { heapUsed: 20 * 2 ** 20, rss: 100 * 2 ** 20 }

const kept: History = {
  calls: [call, { ...call, id: 'client1.2', method: 'again', answer: 'client1.2' }],
  executions: [execution, { ...execution, id: 'client1.2' }, { ...execution, id: 'client1.2' }],
  disturbances: [{ who: 'server1', kind: 'kill', from: 9_000, to: 9_500 }],
  servers: ['server1'],
  unended: [],
  ends: [{ who: 'server1#1', at: 20_000, how: 'code 0', asked: true }],
  complaints: [],
  settlements: [{ who: 'client1', tookMs: 900, promisedMs: 5_000, shown: '{}', wanted: '{}' }],
  probes: [{ who: 'client1', calls: 20, failures: [] }],
  memory: [{ who: 'client1', before: held, after: held }],
}

/** A history in which the first call ended otherwise. */
function withCall(change: Partial<CallRecord>): History {
  return { ...kept, calls: [{ ...call, ...change }] }
}

const failed = { answer: 'a message' }
const broken: readonly (readonly [promise: string, history: History, said: string])[] = [
  [
    'runs once at most',
    { ...kept, executions: [...kept.executions, { ...execution, server: 'server2#1' }] },
    'client1.1 of 10000 ms ran 2 × (server1#1, server2#1), and succeeded',
  ],
  [
    'runs once at most',
    { ...withCall({ ...failed, code: 'ERR_RPCX_TIMEOUT' }), executions: [execution, execution] },
    'and failed with ERR_RPCX_TIMEOUT',
  ],
  [
    'that succeeded ran',
    { ...kept, executions: kept.executions.slice(1) },
    'ran nowhere, and returned client1.1',
  ],
  ['that succeeded ran', withCall({ answer: 'client1.2' }), 'and returned client1.2'],
  [
    'said not to have run',
    withCall({ ...failed, code: 'ERR_RPCX_NOT_EXECUTED' }),
    'and failed with ERR_RPCX_NOT_EXECUTED',
  ],
  [
    'within its deadline',
    withCall({ tookMs: 600, stalledMs: 40 }),
    'took 600 ms, 40 of them stalled, with 300 ms to live',
  ],
  ['within its deadline', { ...kept, unended: ['client1.3'] }, 'client1.3 did not end at all'],
  [
    'for want of an endpoint',
    {
      ...withCall({ ...failed, code: 'ERR_RPCX_NO_ENDPOINT' }),
      servers: ['server1', 'server2'],
      executions: [],
    },
    'client1.1 of 10000 ms, in spite of server2',
  ],
  [
    'every list equals',
    {
      ...kept,
      settlements: [{ who: 'client1', tookMs: 5_001, promisedMs: 5_000, shown: '{}', wanted: '{}' }],
    },
    'client1: right after 5001 ms',
  ],
  [
    'every list equals',
    {
      ...kept,
      settlements: [
        { who: 'registry', tookMs: undefined, promisedMs: 5_000, shown: '{}', wanted: 'tcp@a:1' },
      ],
    },
    'registry: never right, promised 5000; last it showed {}, right is tcp@a:1',
  ],
  [
    'no call fails',
    { ...kept, probes: [{ who: 'client1', calls: 20, failures: ['ERR_RPCX_TIMEOUT: late'] }] },
    'client1: ERR_RPCX_TIMEOUT: late',
  ],
  [
    'no process ends',
    { ...kept, ends: [{ who: 'server1#1', at: 7, how: 'SIGABRT', asked: false }] },
    'server1#1 ended with SIGABRT at 7 ms',
  ],
  [
    'nothing is thrown',
    { ...kept, complaints: [{ who: 'client1#1', what: 'unhandledRejection: Error: lost' }] },
    'client1#1: unhandledRejection: Error: lost',
  ],
  [
    'memory after rest',
    { ...kept, memory: [{ who: 'client1', before: held, after: { ...held, heapUsed: 60 * 2 ** 20 } }] },
    'client1: heap from 20 to 60 MiB',
  ],
  [
    'memory after rest',
    { ...kept, memory: [{ who: 'client1', before: held, after: { ...held, rss: 300 * 2 ** 20 } }] },
    'resident from 100 to 300 MiB',
  ],
]

describe('An oracle', () => {
  test.each(oracles)('finds nothing where this promise was kept: $promise', ({ violations }) => {
    expect(violations(kept)).toEqual([])
  })

  test.each(broken)(
    'that says "… %s …" reports what breaks it, and no other oracle does',
    (promise, history, said) => {
      const found = oracles.flatMap(oracle => oracle.violations(history).map(each => [oracle.promise, each]))
      expect(found).toEqual([[expect.stringContaining(promise), expect.stringContaining(said)]])
    },
  )

  test.each(oracles)('is shown to fail: $promise', ({ promise }) => {
    expect(broken.some(([part]) => promise.includes(part))).toBe(true)
  })

  test('does not count time in which the client could not run', () => {
    const stalled = withCall({ tookMs: 5_000, stalledMs: 4_600, code: 'ERR_RPCX_TIMEOUT', ...failed })
    expect(oracles.flatMap(({ violations }) => violations(stalled))).toEqual([])
  })

  test('accepts that a call fails without an endpoint when every server has just restarted', () => {
    const alone = withCall({ code: 'ERR_RPCX_NO_ENDPOINT', ...failed })
    expect(oracles.flatMap(({ violations }) => violations({ ...alone, executions: [] }))).toEqual([])
  })
})
