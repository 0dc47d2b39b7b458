import type { Served } from '@rpcx/testing/programs'
import { serveEcho, settings } from '@rpcx/testing/programs'
import type { ZooKeeperRegisterPluginOptions } from '../../src/index.ts'
import { ZooKeeperRegisterPlugin } from '../../src/index.ts'

const told = settings<Served & ZooKeeperRegisterPluginOptions>()
serveEcho(new ZooKeeperRegisterPlugin({ ...told, updateIntervalMs: 0 }), told, { noticeMs: 0 })
