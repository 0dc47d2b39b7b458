import { followAndCall, settings } from '@rpcx/testing/programs'
import { ConsulDiscovery } from '../../src/index.ts'

const { service, basePath, consulServers } = settings<{
  service: string
  basePath: string
  consulServers: string
}>()
followAndCall(service, new ConsulDiscovery({ basePath, consulServers }))
