import { randomInt } from 'node:crypto'
import { registryContract } from '@rpcx/contract'
import { describe, test } from 'vitest'
import { MDNSDriver } from '../src/driver.ts'

describe('Multicast DNS keeps the contract:', () => {
  registryContract(test, () => {
    const port = randomInt(20_000, 32_000)
    return { driver: () => new MDNSDriver({ interfaces: '127.0.0.1', port }) }
  })
})
