import { followAndCall, settings } from '@rpcx/testing/programs'
import { EtcdDiscovery } from '../../src/index.ts'

const { service, basePath, etcdServers } = settings<{
  service: string
  basePath: string
  etcdServers: string
}>()
followAndCall(service, new EtcdDiscovery({ basePath, etcdServers }))
