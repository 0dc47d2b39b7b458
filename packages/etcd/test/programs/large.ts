import { followLarge, settings } from '@rpcx/testing/programs'
import { EtcdDiscovery } from '../../src/index.ts'

followLarge('Arith', new EtcdDiscovery(settings<{ basePath: string; etcdServers: string }>()))
