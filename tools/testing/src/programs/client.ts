import { setTimeout as sleep } from 'node:timers/promises'
import type { Discovery } from '@rpcx/core'
import { XClient } from '@rpcx/core'
import type { EchoService } from '../harness.ts'
import { hear, say } from './say.ts'

/** Watches and calls `Echo`. `measure <ms>` reports the CPU load of a period, half of it with calls and half without. */
export function followAndCall(service: string, discovery: Discovery): void {
  const client = new XClient<EchoService>(service, discovery)
  let lists = 0
  void (async () => {
    for await (const endpoints of discovery.watch(service)) {
      lists++
      say({ event: 'list', servers: endpoints.length })
    }
  })()
  void client.call('Echo', 1).then(() => say({ event: 'ready' }))

  hear(async line => {
    const [what, argument] = line.split(' ')
    if (what !== 'measure') return
    const ms = Number(argument)
    const idle = await cost(() => sleep(ms / 2))
    let calls = 0
    let failed = 0
    const busy = await cost(async () => {
      const end = performance.now() + ms / 2
      while (performance.now() < end) {
        await client.call('Echo', calls).catch(() => failed++)
        calls++
        await sleep(5)
      }
    })
    say({ event: 'measured', idlePercent: idle, cpuPercent: busy, calls, failed, lists })
  })
}

/** Returns the CPU load of `work`, in percent of a core. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 10 / (performance.now() - since)
}
