import type { Served } from '@rpcx/testing/programs'
import { serveEcho, settings } from '@rpcx/testing/programs'
import type { ZooKeeperRegisterPluginOptions } from '../../src/index.ts'
import { ZooKeeperRegisterPlugin } from '../../src/index.ts'

const events = settings<Served & ZooKeeperRegisterPluginOptions>()
serveEcho(new ZooKeeperRegisterPlugin({ ...events, updateIntervalMs: 0 }), events, { noticeMs: 0 })
