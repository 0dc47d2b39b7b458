import { serveEcho } from '@rpcx/testing/programs'
import type { EtcdRegisterPluginOptions } from '../../src/index.ts'
import { EtcdRegisterPlugin } from '../../src/index.ts'

serveEcho<EtcdRegisterPluginOptions>(own => new EtcdRegisterPlugin({ ...own, updateIntervalMs: 0 }))
