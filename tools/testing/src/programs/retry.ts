import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Driver } from '@rpcx/core'
import { systemClock } from '@rpcx/core'
import { Backoff } from '../../../../packages/core/src/discovery/backoff.ts'
import type { DiscoveryDriver } from '../../../../packages/core/src/discovery/driver.ts'
import { EntryRules } from '../../../../packages/core/src/discovery/entry-rules.ts'
import { Follower } from '../../../../packages/core/src/discovery/follower.ts'
import { RegistryConnection } from '../../../../packages/core/src/discovery/registry-connection.ts'
import { Events } from '../../../../packages/core/src/events.ts'
import { Announcer } from '../../../../packages/core/src/registry/announcer.ts'
import { say } from './say.ts'

const RETRIES = 4_000
const NOBODY = { registryDown: () => {}, registryBack: () => {} }

/**
 * Retries a list and an entry at an unreachable registry, every few milliseconds instead of seconds. Reports how much memory each
 * retry leaves behind.
 */
export async function retry(driver: DiscoveryDriver | Driver, retries: number = RETRIES): Promise<never> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // Keeps the process alive while everything waits.
  setInterval(() => {}, 1_000)
  const paces = [new Counted()]
  new Follower(
    'Arith',
    new RegistryConnection<DiscoveryDriver>(driver, NOBODY, systemClock, paces[0]),
    new Events('discovery'),
    {
      resyncMs: 300_000,
      rules: new EntryRules(undefined),
    },
  )
  if ('check' in driver) {
    const pace = new Counted()
    paces.push(pace)
    new Announcer(
      'Arith',
      'tcp@10.0.0.1:1',
      '',
      new RegistryConnection(driver, NOBODY, systemClock, pace),
      new Events('server'),
    )
  }
  const usedAfter = async (count: number): Promise<number> => {
    await Promise.all(paces.map(pace => pace.until(count)))
    // By then, all running operations and their waiters have ended.
    for (let i = 0; i < 5; i++) {
      await sleep(100)
      collect()
    }
    return process.memoryUsage().heapUsed
  }
  const used: number[] = []
  // One-time allocations, such as compiled code, happen mostly before the first measurement; with etcd's library, in the first thousand retries.
  for (const part of [0.25, 0.75, 1.25]) used.push(await usedAfter(part * retries))
  // A late one-time allocation shows in one half of the measured retries. A leak shows in both.
  const [before = 0, between = 0, after = 0] = used
  const bytes = Math.min(between - before, after - between)
  say({ event: 'grown', bytesPerRetry: bytes / (retries / 2) })
  process.exit()
}

/** Allows the requested number of retries, and then no more. */
class Counted extends Backoff {
  #left = 0
  #done: () => void = () => {}
  #count = 0
  readonly #stopped: (() => void)[] = []

  constructor() {
    super(systemClock, 0.001)
  }

  /** Resolves when this many have happened in total. */
  until(count: number): Promise<void> {
    this.#left = count - this.#count
    for (const go of this.#stopped.splice(0)) go()
    return new Promise(resolve => (this.#done = resolve))
  }

  override async wait(error: unknown, signal: AbortSignal): Promise<void> {
    this.#count++
    this.#left--
    if (this.#left <= 0) {
      this.#done()
      await new Promise<void>(resolve => this.#stopped.push(resolve))
    }
    await super.wait(error, signal)
  }
}
