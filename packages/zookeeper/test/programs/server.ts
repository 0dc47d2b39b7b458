import { serveEcho } from '@rpcx/testing/programs'
import type { ZooKeeperRegisterPluginOptions } from '../../src/index.ts'
import { ZooKeeperRegisterPlugin } from '../../src/index.ts'

serveEcho<ZooKeeperRegisterPluginOptions>(
  own => new ZooKeeperRegisterPlugin({ ...own, updateIntervalMs: 0 }),
  { noticeMs: 0 },
)
