import { followLarge, settings } from '@rpcx/testing/programs'
import type { ZookeeperDiscoveryOptions } from '../../src/index.ts'
import { ZookeeperDiscovery } from '../../src/index.ts'

followLarge('Arith', new ZookeeperDiscovery(settings<ZookeeperDiscoveryOptions>()))
