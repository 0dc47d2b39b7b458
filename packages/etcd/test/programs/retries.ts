import { retry } from '@rpcx/testing/programs'
import { EtcdDriver } from '../../src/driver.ts'

await retry(new EtcdDriver({ basePath: 'test', etcdServers: '127.0.0.1:1' }))
