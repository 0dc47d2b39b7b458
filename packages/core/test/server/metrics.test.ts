import type { MethodMetrics, ServerMetrics } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Histogram } from '../../src/server/histogram.ts'
import { Flag } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, portOf, serving } from '../helpers.ts'
import { until } from '../until.ts'

interface Work {
  echo(value: string): string
  fail(): never
  wait(): void
}

async function working() {
  const gate = new Gate()
  const server = await serving({
    Work: {
      echo: (value: string) => value,
      fail: () => Promise.reject(new Error('failed')),
      wait: () => gate.opened,
    },
    Other: { echo: (value: string) => value },
  })
  return { server, gate, client: clientOf<Work>('Work', [server]) }
}

function of(metrics: ServerMetrics, service: string, method: string): MethodMetrics {
  const found = [...metrics.methods].find(each => each.service === service && each.method === method)
  if (found === undefined) throw new Error(`no figures of ${service}.${method}`)
  return found
}

describe('metrics', () => {
  test('count the calls of each method of each service', async () => {
    const { server, client } = await working()
    for (let i = 0; i < 3; i++) await client.call('echo', 'x')
    await clientOf<Work>('Other', [server]).call('echo', 'x')
    expect(of(server.metrics, 'Work', 'echo').calls).toBe(3)
    expect(of(server.metrics, 'Other', 'echo').calls).toBe(1)
    expect(of(server.metrics, 'Work', 'fail').calls).toBe(0)
    expect(server.metrics.receivedCalls).toBe(4)
    expect(server.metrics.calls.rateMean()).toBeGreaterThan(0)
    expect(server.metrics.connectionsOf('Work')).toBe(1)
    expect(server.metrics).toMatchObject({ openConnections: 2, acceptedConnections: 2 })
  })

  test('count failures by code, including calls of unknown methods', async () => {
    const { server, client } = await working()
    await failure(client.call('fail'))
    await failure(client.call('fail'))
    await failure(clientOf<Work>('None', [server]).call('echo', 'x'))
    expect(Object.fromEntries(of(server.metrics, 'Work', 'fail').errors)).toEqual({ ERR_RPCX_SERVICE: 2 })
    expect(Object.fromEntries(server.metrics.errors)).toEqual({
      ERR_RPCX_SERVICE: 2,
      ERR_RPCX_SERVICE_NOT_FOUND: 1,
    })
  })

  test('do not grow by names that clients invent', async () => {
    const { server, client } = await working()
    const before = [...server.metrics.methods].length
    for (let i = 0; i < 10; i++) await failure(client.call(`made up ${i}` as 'fail'))
    expect([...server.metrics.methods]).toHaveLength(before)
  })

  test('report what runs now', async () => {
    const { server, client, gate } = await working()
    const calls = [client.call('wait'), client.call('wait')]
    await until(() => server.metrics.inFlight === 2)
    expect(of(server.metrics, 'Work', 'wait')).toMatchObject({ inFlight: 2, calls: 0 })
    gate.open()
    await Promise.all(calls)
    expect(of(server.metrics, 'Work', 'wait')).toMatchObject({ inFlight: 0, calls: 2 })
    expect(server.metrics.inFlight).toBe(0)
  })

  test('report how long a method takes', async () => {
    const { server, client, gate } = await working()
    const startedAt = performance.now()
    const call = client.call('wait')
    await until(() => server.metrics.inFlight === 1)
    const runningAt = performance.now()
    await new Promise(resolve => setTimeout(resolve, 30))
    const leastMs = performance.now() - runningAt
    gate.open()
    await call
    const mostMs = performance.now() - startedAt
    const { latency } = of(server.metrics, 'Work', 'wait')
    expect(latency.count).toBe(1)
    expect(latency.mean).toBeGreaterThanOrEqual(leastMs)
    expect(latency.mean).toBeLessThanOrEqual(mostMs)
  })

  test('count the bytes of payloads as they are on the wire', async () => {
    const { server } = await working()
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ service: 'Work', method: 'echo', payload: '"hello"' }))
    await peer.message(0)
    expect(of(server.metrics, 'Work', 'echo')).toMatchObject({ receivedBytes: 7, sentBytes: 7 })
    peer.send(frame({ flags: Flag.oneway, service: 'Work', method: 'echo', payload: '"hi"' }))
    await until(() => of(server.metrics, 'Work', 'echo').calls === 2)
    expect(of(server.metrics, 'Work', 'echo')).toMatchObject({ receivedBytes: 11, sentBytes: 7 })
  })
})

describe('a histogram', () => {
  test('is empty at first', () => {
    const histogram = new Histogram()
    expect([histogram.count, histogram.mean, histogram.percentile(99), ...histogram.buckets()]).toEqual([
      0, 0, 0,
    ])
  })

  test.each([0, 0.001, 0.0075, 0.5, 1, 7.3, 12.34, 1_000, 60_000, 3_600_000])(
    'stores %d ms with an error of an eighth at most',
    ms => {
      const histogram = new Histogram()
      histogram.add(ms)
      const [[upToMs, count] = [0, 0]] = histogram.buckets()
      expect(count).toBe(1)
      expect(upToMs).toBeGreaterThanOrEqual(ms)
      expect(upToMs).toBeLessThanOrEqual(ms * 1.125 + 0.001)
      expect(histogram.percentile(50)).toBe(upToMs)
      expect(histogram.mean).toBe(ms)
    },
  )

  test('has the same buckets for any measurement, and can be printed', () => {
    const histogram = new Histogram()
    const bounds = [0.5, 1, 10, 100]
    expect(histogram.countsUpTo(bounds)).toEqual([0, 0, 0, 0])
    for (const ms of [0.1, 0.6, 5, 50, 5_000]) histogram.add(ms)
    expect(histogram.countsUpTo(bounds)).toEqual([1, 2, 3, 4])
    expect(JSON.parse(JSON.stringify(histogram))).toMatchObject({
      count: 5,
      mean: expect.any(Number),
      p50: expect.any(Number),
    })
  })

  test('keeps the order: a longer duration never falls into a lower bucket', () => {
    let before = 0
    for (let us = 0; us < 5_000; us++) {
      const histogram = new Histogram()
      histogram.add(us / 1_000)
      const upTo = histogram.percentile(100)
      expect(upTo).toBeGreaterThanOrEqual(before)
      before = upTo
    }
  })

  test('returns percentiles', () => {
    const histogram = new Histogram()
    for (let ms = 1; ms <= 100; ms++) histogram.add(ms)
    expect(histogram.percentile(50)).toBeGreaterThanOrEqual(50)
    expect(histogram.percentile(50)).toBeLessThan(57)
    expect(histogram.percentile(99)).toBeGreaterThanOrEqual(99)
    expect(histogram.percentile(99)).toBeLessThan(112)
  })

  test('accepts durations beyond its last bucket', () => {
    const histogram = new Histogram()
    histogram.add(1e12)
    expect(histogram.percentile(100)).toBeGreaterThan(4_000_000)
  })
})

test('the metrics of a server print as JSON', async () => {
  const server = await serving({ S: { hi: () => 1 } })
  const peer = closing(await BarePeer.connect(portOf(server)))
  peer.send(frame({ service: 'S', method: 'hi', payload: 'null' }))
  peer.send(frame({ service: 'S', method: 'none', payload: 'null' }))
  await peer.message(1)
  await until(() => of(server.metrics, 'S', 'hi').latency.count === 1)
  expect(JSON.parse(JSON.stringify(server.metrics))).toMatchObject({
    receivedCalls: 2,
    errors: { ERR_RPCX_METHOD_NOT_FOUND: 1 },
    openConnections: 1,
    methods: [
      { service: '_health', method: 'Check', calls: 0 },
      { service: 'S', method: 'hi', calls: 1, errors: {}, latencyMs: { count: 1 } },
    ],
  })
})
