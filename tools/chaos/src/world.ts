import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server } from '@rpcx/servers'
import { freePort, startConsul, startEtcd, startZooKeeper } from '@rpcx/servers'
import { Actor } from './actor.ts'
import type { Journal } from './journal.ts'
import { loseNothing } from './network.ts'
import type { Operator } from './operator.ts'
import { operatorOf } from './operator.ts'
import type { Settings } from './plan.ts'
import { numbers } from './plan.ts'
import type { ClientSettings } from './programs/client.ts'
import type { ServerSettings } from './programs/server.ts'
import type { RegistrySettings } from './registries.ts'

/** A server process, and the address that it keeps through all restarts. */
export interface ServerActor {
  readonly actor: Actor
  readonly address: string
}

/** The registry and all processes of a run. */
export interface World extends AsyncDisposable {
  readonly folder: string
  readonly journal: Journal
  readonly registry: Server
  readonly operator: Operator
  readonly servers: readonly ServerActor[]
  readonly clients: readonly Actor[]
  /** The servers so far that claimed the address of another one. */
  readonly rivals: Actor[]
  /** Starts a server that registers this address. */
  rival(address: string): Promise<Actor>
}

/** Starts a registry, servers and clients. Resolves when all of them work. */
export async function makeWorld(settings: Settings, journal: Journal): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'rpcx-chaos-'))
  const registry = await starters[settings.registry]()
  const known: RegistrySettings = { kind: registry.kind, address: registry.address }
  const rivals: Actor[] = []

  const serverActor = async (name: string, more: Partial<ServerSettings>): Promise<ServerActor> => {
    const listen = `127.0.0.1:${await freePort()}`
    const settingsOf = (run: string): ServerSettings => ({
      registry: known,
      listen,
      metadata: 'weight=10',
      executions: join(folder, `${run}.executions`),
      ...more,
    })
    const actor = new Actor(name, new URL('./programs/server.ts', import.meta.url), settingsOf, journal)
    return { actor, address: `tcp@${listen}` }
  }
  const clientActor = (number: number): Actor => {
    const name = `client${number}`
    const settingsOf = (): ClientSettings => ({
      registry: known,
      name,
      seed: settings.seed + number,
      callsPerSecond: CALLS_PER_SECOND,
      ...modes[(number % modes.length) as 0],
      outcomes: join(folder, `${name}.outcomes`),
    })
    return new Actor(name, new URL('./programs/client.ts', import.meta.url), settingsOf, journal)
  }

  const servers = await Promise.all(numbers(settings.servers).map(n => serverActor(`server${n}`, {})))
  const clients = numbers(settings.clients).map(clientActor)
  const actors = (): Actor[] => [...servers.map(({ actor }) => actor), ...clients, ...rivals]
  // Also when this process gets a signal, because stopped processes would otherwise stay for ever.
  const abandon = (): void => {
    for (const actor of actors()) actor.abandon()
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', abandon)
  const dispose = async (): Promise<void> => {
    process.off('exit', abandon)
    await Promise.all(actors().map(actor => actor.dispose()))
    await registry.stop()
    if (settings.lossy) await loseNothing()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.all(servers.map(({ actor }) => actor.start('serving')))
    await Promise.all(clients.map(client => client.start('started')))
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    folder,
    journal,
    registry,
    operator: operatorOf(known),
    servers,
    clients,
    rivals,
    async rival(address) {
      const { actor } = await serverActor(`rival${rivals.length + 1}`, {
        serviceAddress: address,
        metadata: 'weight=10&rival=1',
      })
      rivals.push(actor)
      await actor.start('serving')
      return actor
    },
    [Symbol.asyncDispose]: dispose,
  }
}

const CALLS_PER_SECOND = 100

const modes = [
  { failMode: 'failtry', selectMode: 'roundRobin' },
  { failMode: 'failover', selectMode: 'random' },
  { failMode: 'failbackup', selectMode: 'weightedRoundRobin' },
] as const

const starters = {
  etcd: startEtcd,
  zookeeper: startZooKeeper,
  consul: startConsul,
}
