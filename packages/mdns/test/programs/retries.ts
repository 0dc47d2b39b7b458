import { retry } from '@rpcx/testing/programs'
import { MDNSDriver } from '../../src/driver.ts'

await retry(new MDNSDriver({ interfaces: '203.0.113.1' }))
