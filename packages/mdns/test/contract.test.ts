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

/** Laws run concurrently, each on its own port, because they mostly wait for packets. Laws that count resources run alone. */
function oneOfMany(law: string, run: () => Promise<void>, timeoutMs?: number): void {
  const one = law.startsWith('200 times') ? test : test.concurrent
  one(law, run, timeoutMs)
}
