import { followAndCall, settings } from '@rpcx/testing/programs'
import type { ZooKeeperDiscoveryOptions } from '../../src/index.ts'
import { ZooKeeperDiscovery } from '../../src/index.ts'

const { service, ...where } = settings<ZooKeeperDiscoveryOptions & { service: string }>()
followAndCall(service, new ZooKeeperDiscovery(where))
