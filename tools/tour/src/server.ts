import { Server } from '@rpcx/core'
import type { RegistrySettings } from './registries.ts'
import { registerPlugin } from './registries.ts'

const [settings = '{}', host = '127.0.0.1:0'] = process.argv.slice(2)
const server = new Server()
const plugin = registerPlugin(JSON.parse(settings) as RegistrySettings)
if (plugin !== undefined) server.plugins.add(plugin)
server.registerName('Arith', { Mul: ({ A, B }: { A: number; B: number }) => ({ C: A * B }) })
await server.serve('tcp', host)
await server.published()
process.send?.(server.address)

process.once('disconnect', () => process.exit())
