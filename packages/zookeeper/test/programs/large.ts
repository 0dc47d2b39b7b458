import { followLarge, settings } from '@rpcx/testing/programs'
import type { ZooKeeperDiscoveryOptions } from '../../src/index.ts'
import { ZooKeeperDiscovery } from '../../src/index.ts'

followLarge('Arith', new ZooKeeperDiscovery(settings<ZooKeeperDiscoveryOptions>()))
