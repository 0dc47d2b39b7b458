import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { atMost } from '../../../../tools/testing/src/at-most.ts'
import { ReservedKey } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { closing, portOf } from '../helpers.ts'
import { Program } from '../program.ts'

const CONCURRENT = 20
const QUEUED = 100
const PEERS = 10
const MIB = 1024 * 1024

/** Clients that send at their own rate, whatever the replies. */
class Crowd {
  readonly #peers: BarePeer[] = []
  /** The time at which each call was sent, by number. */
  readonly #sentAt: number[] = []
  readonly latencies: number[] = []
  readonly refusals = new Map<string, number>()
  #seq = 0
  #answered: (() => void) | undefined

  static async of(port: number): Promise<Crowd> {
    const crowd = new Crowd()
    for (let i = 0; i < PEERS; i++) {
      const peer = closing(await BarePeer.connect(port))
      // Drops messages, because keeping them would use the memory of the test.
      peer.messages.push = message => crowd.#heard(message)
      crowd.#peers.push(peer)
    }
    return crowd
  }

  get open(): number {
    return (
      this.#sentAt.length - this.latencies.length - [...this.refusals.values()].reduce((a, b) => a + b, 0)
    )
  }

  send(): void {
    const seq = this.#seq++
    this.#sentAt[seq] = performance.now()
    const metadata = { [ReservedKey.timeout]: '1000' }
    this.#peers[seq % PEERS]?.send(frame({ seq, service: 'Work', method: 'work', metadata, payload: 'null' }))
  }

  /** Makes as many calls per second as the server can handle: each reply starts the next call. */
  async capacity(ms: number): Promise<number> {
    this.#answered = () => this.send()
    for (let i = 0; i < CONCURRENT; i++) this.send()
    await delay(ms / 4)
    const before = this.latencies.length
    const startedAt = performance.now()
    await delay(ms)
    const perSecond = ((this.latencies.length - before) * 1_000) / (performance.now() - startedAt)
    this.#answered = undefined
    return perSecond
  }

  async offer(perSecond: number, ms: number): Promise<void> {
    const startedAt = performance.now()
    for (let sent = 0; performance.now() - startedAt < ms; await delay(2)) {
      for (; sent < ((performance.now() - startedAt) * perSecond) / 1_000; sent++) this.send()
    }
  }

  #heard(message: Message): number {
    const code = message.metadataValue(ReservedKey.code)
    if (code === undefined)
      this.latencies.push(performance.now() - (this.#sentAt[Number(message.seq)] as number))
    else this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
    this.#answered?.()
    return 0
  }
}

test('30 s of three times the load that a server can carry cost neither throughput nor memory', async () => {
  const program = closing(new Program('limited-server', String(CONCURRENT), String(QUEUED)))
  const address = await program.line(0)
  const crowd = await Crowd.of(portOf({ address }))
  const measure = async (): Promise<{ rss: number; p99: number }> => {
    program.signal('SIGUSR2')
    return JSON.parse(await program.line(program.lines.length))
  }

  const capacity = await crowd.capacity(4_000)
  await delay(200)
  await crowd.offer(3 * capacity, 2_000)
  const before = await measure()
  crowd.latencies.length = 0
  const startedAt = performance.now()
  await crowd.offer(3 * capacity, 30_000)
  const goodput = (crowd.latencies.length * 1_000) / (performance.now() - startedAt)
  // While the queue is full: to collect garbage is to stand still, so not before.
  const after = await measure()
  const sorted = Float64Array.from(crowd.latencies).sort()
  const seenP99 = sorted[Math.floor(sorted.length * 0.99)] as number

  const queueMs = ((QUEUED + CONCURRENT) * 1_000) / capacity
  console.info(
    `capacity ${capacity.toFixed(0)} calls/s, goodput ${((100 * goodput) / capacity).toFixed(1)} % of it`,
  )
  console.info(
    `memory before ${(before.rss / MIB).toFixed(0)} MiB, after ${(after.rss / MIB).toFixed(0)} MiB`,
  )
  expect(goodput / capacity).toBeGreaterThanOrEqual(process.env.RPCX_STRICT ? 0.9 : 0.7)
  console.info(`p99 of the calls that ran, seen by clients in one busy process: ${seenP99.toFixed(0)} ms`)
  expect(after.p99).toBeGreaterThan(0)
  atMost(1.5 * queueMs, 'p99 of the calls that ran, on the server', after.p99)
  atMost(10, 'memory more than before', (after.rss - before.rss) / MIB, 'MiB')
  expect([...crowd.refusals.keys()]).toEqual(['ERR_RPCX_NOT_EXECUTED'])
  expect(program.stderr).toBe('')
})
