import { retry } from '../../../../tools/testing/src/programs/retry.ts'
import { DNSDriver } from '../../src/discovery/dns-driver.ts'

// There is no name server at this port.
await retry(
  new DNSDriver({
    nameOf: () => 'arith.test',
    port: undefined,
    network: 'tcp',
    servers: ['127.0.0.1:1'],
    intervalMs: 1_000,
  }),
)
