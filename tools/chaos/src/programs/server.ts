import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '@rpcx/core'
import { say, settings } from '@rpcx/testing/programs'
import type { Work } from '../load.ts'
import { SERVICE } from '../load.ts'
import type { RegistrySettings } from '../registries.ts'
import { registerPlugin } from '../registries.ts'
import { complain, obey } from './common.ts'

/** The settings of a server process. */
export interface ServerSettings {
  readonly registry: RegistrySettings
  readonly listen: string
  /** The address to register, if it is not the server's own. */
  readonly serviceAddress?: string
  readonly metadata: string
  /** The file in which it records the calls that it runs. */
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
