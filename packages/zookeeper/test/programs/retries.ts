import { retry } from '@rpcx/testing/programs'
import { ZooKeeperDriver } from '../../src/driver.ts'

await retry(new ZooKeeperDriver({ basePath: '/test', zooKeeperServers: '127.0.0.1:1' }))
