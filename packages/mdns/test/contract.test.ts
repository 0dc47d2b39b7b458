import { registryContract } from '@rpcx/contract'
import { multicastPort } from '@rpcx/servers'
import { describe, test } from 'vitest'
import { MDNSDriver } from '../src/driver.ts'

describe('Multicast DNS keeps the contract:', () => {
  registryContract(test, () => {
    const port = multicastPort()
    return { driver: () => new MDNSDriver({ interfaces: '127.0.0.1', port }) }
  })
})
