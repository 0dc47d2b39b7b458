import { retry } from '../../../../tools/testing/src/programs/retry.ts'
import { DNSDriver } from '../../src/discovery/dns-driver.ts'

// A name server that is not there: nobody listens at that port.
await retry(
  new DNSDriver({
    nameOf: () => 'arith.test',
    port: undefined,
    network: 'tcp',
    servers: ['127.0.0.1:1'],
    intervalMs: 1_000,
  }),
)
