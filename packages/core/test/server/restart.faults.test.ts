import { setTimeout as delay } from 'node:timers/promises'
import type { FailMode } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { expect, test } from 'vitest'
import { clientOf, closing, keys } from '../helpers.ts'
import { Program } from '../program.ts'

interface Work {
  quick(value: number): number
  slow(value: number): number
}

const RESTARTS = 30
const CALLS_PER_SECOND = 2_000

interface Running {
  readonly program: Program
  readonly address: string
}

async function start(host = '127.0.0.1:0'): Promise<Running> {
  const program = closing(new Program('restarted-server', host))
  return { program, address: await program.line(0) }
}

/** Makes calls at an even rate until it is stopped. Every tenth call takes a while. */
class Load {
  readonly failures: string[] = []
  readonly #open = new Set<Promise<void>>()
  calls = 0
  #stopped = false
  readonly #done: Promise<void>

  constructor(failMode: FailMode, discovery: MultipleServersDiscovery) {
    const client = clientOf<Work>('Work', discovery, { failMode, selectMode: 'roundRobin', timeoutMs: 5_000 })
    this.#done = this.#run(async value => {
      const reply = await (value % 10 === 0 ? client.call('slow', value) : client.call('quick', value))
      if (reply !== value) throw new Error(`${reply} instead of ${value}`)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
    await Promise.all(this.#open)
  }

  async #run(call: (value: number) => Promise<void>): Promise<void> {
    const startedAt = performance.now()
    while (!this.#stopped) {
      const due = ((performance.now() - startedAt) * CALLS_PER_SECOND) / 1_000
      while (this.calls < due) {
        const open: Promise<void> = call(this.calls++)
          .catch(error => void this.failures.push(`${error.code}: ${error.message}`))
          .finally(() => this.#open.delete(open))
        this.#open.add(open)
      }
      await delay(1)
    }
  }
}

test.each([
  ['the list changes before a server is told to go: failfast', 'failfast', 0],
  ['the list changes 300 ms after it was told to go: failover', 'failover', 300],
] as const)('rolling restarts under load fail no call, when %s', async (_when, failMode, lateMs) => {
  const servers = await Promise.all([start(), start(), start()])
  const discovery = closing(new MultipleServersDiscovery(keys(servers)))
  const load = new Load(failMode, discovery)
  const tookMs: number[] = []
  for (let restart = 0; restart < RESTARTS; restart++) {
    const index = restart % servers.length
    const { program, address } = servers[index] as Running
    const others = servers.filter(server => server.address !== address)
    const startedAt = performance.now()
    if (lateMs > 0) {
      program.signal('SIGTERM')
      await delay(lateMs)
    }
    discovery.update(keys(others))
    if (lateMs === 0) {
      await delay(50)
      program.signal('SIGTERM')
    }
    expect(await program.exit).toEqual({ code: 0, signal: null })
    tookMs.push(performance.now() - startedAt)
    expect(program.stderr).toBe('')
    servers[index] = await start(address.replace('tcp@', ''))
    discovery.update(keys(servers))
  }
  await load.stop()
  const median = tookMs.toSorted((a, b) => a - b)[RESTARTS / 2]
  console.info(`${RESTARTS} restarts under ${load.calls} calls; ${median?.toFixed(0)} ms to drain (median)`)
  expect(load.failures).toEqual([])
})
