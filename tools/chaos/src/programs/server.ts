import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '@rpcx/core'
import { say, settings } from '@rpcx/testing/programs'
import type { Work } from '../load.ts'
import { SERVICE } from '../load.ts'
import type { RegistrySettings } from '../registries.ts'
import { registerPlugin } from '../registries.ts'
import { complain, obey } from './common.ts'

/** What a server is given. */
export interface ServerSettings {
  readonly registry: RegistrySettings
  readonly listen: string
  /** The address to register, when it is not its own. */
  readonly serviceAddress?: string
  readonly metadata: string
  /** The file in which it writes down what it runs. */
  readonly executions: string
}

const { registry, listen, serviceAddress, metadata, executions } = settings<ServerSettings>()
const file = openSync(executions, 'a')

async function run({ id, workMs }: Work): Promise<string> {
  writeSync(file, `${id} ${Date.now()}\n`)
  if (workMs > 0) await sleep(workMs)
  return id
}

complain()
obey({})
const server = new Server({ closeOn: ['SIGTERM'] })
server.plugins.add(registerPlugin(registry, serviceAddress))
server.registerName(SERVICE, { once: run, again: run }, metadata)
await server.serve('tcp', listen)
say({ event: 'serving', address: server.address })
