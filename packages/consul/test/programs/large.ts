import { followLarge, settings } from '@rpcx/testing/programs'
import type { ConsulKvDiscoveryOptions } from '../../src/index.ts'
import { ConsulDiscovery } from '../../src/index.ts'

followLarge('Arith', new ConsulDiscovery(settings<ConsulKvDiscoveryOptions>()))
