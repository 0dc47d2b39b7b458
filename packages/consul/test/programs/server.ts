import { serveEcho } from '@rpcx/testing/programs'
import type { ConsulRegisterPluginOptions } from '../../src/index.ts'
import { ConsulRegisterPlugin } from '../../src/index.ts'

serveEcho<ConsulRegisterPluginOptions>(own => new ConsulRegisterPlugin({ ...own, updateIntervalMs: 0 }))
