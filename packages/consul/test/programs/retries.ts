import { retry } from '@rpcx/testing/programs'
import { ConsulDriver } from '../../src/driver.ts'

await retry(new ConsulDriver({ basePath: 'test', consulServers: '127.0.0.1:1' }))
