import type { Served } from '@rpcx/testing/programs'
import { serveEcho, settings } from '@rpcx/testing/programs'
import type { EtcdRegisterPluginOptions } from '../../src/index.ts'
import { EtcdRegisterPlugin } from '../../src/index.ts'

const events = settings<Served & EtcdRegisterPluginOptions>()
serveEcho(new EtcdRegisterPlugin({ ...events, updateIntervalMs: 0 }), events)
