import { followAndCall, settings } from '@rpcx/testing/programs'
import type { ZookeeperDiscoveryOptions } from '../../src/index.ts'
import { ZookeeperDiscovery } from '../../src/index.ts'

const { service, ...where } = settings<ZookeeperDiscoveryOptions & { service: string }>()
followAndCall(service, new ZookeeperDiscovery(where))
