import { retry } from '../../../../tools/testing/src/programs/retry.ts'
import { DnsFinder } from '../../src/discovery/dns-finder.ts'

// A name server that is not there: nobody listens at that port.
await retry(
  new DnsFinder({
    nameOf: () => 'arith.test',
    port: undefined,
    network: 'tcp',
    servers: ['127.0.0.1:1'],
    intervalMs: 1_000,
  }),
)
