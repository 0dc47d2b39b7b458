import { openSync, writeSync } from 'node:fs'
import type { FailMode, SelectMode } from '@rpcx/core'
import { XClient } from '@rpcx/core'
import { entriesOf, Random } from '@rpcx/testing'
import { say, settings } from '@rpcx/testing/programs'
import type { CallRecord } from '../history.ts'
import type { ChaosService } from '../load.ts'
import { SERVICE } from '../load.ts'
import { Pulse } from '../pulse.ts'
import type { RegistrySettings } from '../registries.ts'
import { openDiscovery } from '../registries.ts'
import { complain, obey } from './common.ts'

/** The settings of a client process. */
export interface ClientSettings {
  readonly registry: RegistrySettings
  readonly name: string
  readonly seed: number
  readonly callsPerSecond: number
  readonly failMode: FailMode
  readonly selectMode: SelectMode
  /** The file in which it records the results of its calls. */
  readonly outcomes: string
}

const { registry, name, seed, callsPerSecond, failMode, selectMode, outcomes } = settings<ClientSettings>()
const file = openSync(outcomes, 'a')
const random = new Random(seed)
const pulse = new Pulse()
const discovery = openDiscovery(registry)
const client = new XClient<ChaosService>(SERVICE, discovery, {
  failMode,
  selectMode,
  idempotent: ['again'],
})
const pending = new Map<string, Promise<void>>()
let calls = 0

complain()
void (async () => {
  for await (const endpoints of discovery.watch(SERVICE))
    say({ event: 'list', entries: entriesOf(endpoints) })
})()

await discovery.list(SERVICE)
say({ event: 'started' })

// Starts this many calls per second of running time, whatever their results.
let due = 0
let beaten = performance.now()
const load = setInterval(() => {
  const now = performance.now()
  due += (Math.min(now - beaten, 100) * callsPerSecond) / 1_000
  beaten = now
  for (; due >= 1; due--) if (pending.size < MOST_PENDING) begin()
}, 10)
const MOST_PENDING = 500

function begin(): void {
  const id = `${name}.${++calls}`
  const ended = call(id).then(record => {
    pending.delete(id)
    writeSync(file, `${JSON.stringify(record)}\n`)
  })
  pending.set(id, ended)
}

async function call(id: string): Promise<CallRecord> {
  const method = random.pick(['once', 'again'] as const)
  const timeoutMs = random.pick([300, 1_000, 3_000])
  const workMs = random.pick([0, 0, 0, 20, 100])
  const padding = random.below(20) === 0 ? 'x'.repeat(random.below(100_000)) : ''
  const since = performance.now()
  const stalled = pulse.stalledMs()
  const at = Date.now()
  const ended = (code: string | undefined, answer: unknown): CallRecord => {
    const tookMs = performance.now() - since
    return { id, method, at, tookMs, stalledMs: pulse.stalledMs() - stalled, timeoutMs, code, answer }
  }
  try {
    const answer = await client.call(method, { id, workMs, padding }, { timeoutMs })
    return ended(undefined, answer)
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string }
    return ended(code ?? 'no code', message)
  }
}

obey({
  async rest() {
    clearInterval(load)
    const over = new Promise(resolve => setTimeout(resolve, LONGEST_MS))
    await Promise.race([Promise.all(pending.values()), over])
    say({ event: 'rested', calls, unended: [...pending.keys()] })
  },
  async probe(count) {
    const failures: string[] = []
    for (let n = 1; n <= Number(count); n++) {
      const { code, answer } = await call(`${name}.probe${n}`)
      if (code !== undefined) failures.push(`${code}: ${answer}`)
    }
    say({ event: 'probed', failures })
  },
  async close() {
    pulse.stop()
    await client.close()
    await discovery.close()
    say({ event: 'closed' })
  },
})

/** Longer than any call can take. */
const LONGEST_MS = 5_000
