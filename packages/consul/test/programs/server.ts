import type { Served } from '@rpcx/testing/programs'
import { serveEcho, settings } from '@rpcx/testing/programs'
import type { ConsulRegisterPluginOptions } from '../../src/index.ts'
import { ConsulRegisterPlugin } from '../../src/index.ts'

const events = settings<Served & ConsulRegisterPluginOptions>()
serveEcho(new ConsulRegisterPlugin({ ...events, updateIntervalMs: 0 }), events)
