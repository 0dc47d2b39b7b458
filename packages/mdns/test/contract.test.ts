import { registryContract } from '@rpcx/contract'
import { multicastPort } from '@rpcx/servers'
import { describe, test } from 'vitest'
import { MDNSDriver } from '../src/driver.ts'

describe('Multicast DNS keeps the contract:', () => {
  registryContract(oneOfMany, () => {
    const port = multicastPort()
    return { driver: () => new MDNSDriver({ interfaces: '127.0.0.1', port }) }
  })
})

/** A law waits for packets most of the time, on a port of its own. What a process holds is counted where nothing else runs. */
function oneOfMany(law: string, run: () => Promise<void>, timeoutMs?: number): void {
  const one = law.startsWith('200 times') ? test : test.concurrent
  one(law, run, timeoutMs)
}
