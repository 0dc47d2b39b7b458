import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Actor } from './actor.ts'
import { inflict } from './faults.ts'
import type { CallRecord, Disturbance, Execution, History, MemoryGrowth, Probe } from './history.ts'
import { Journal } from './journal.ts'
import type { Fault, Settings } from './plan.ts'
import { nameOf, planOf, sentenceOf } from './plan.ts'
import { settle } from './settling.ts'
import type { World } from './world.ts'
import { makeWorld } from './world.ts'

/** A finished run, for the oracles. */
export interface Run {
  readonly plan: readonly Fault[]
  readonly history: History
  readonly journal: Journal
}

/**
 * Runs a plan against its own registry, servers and clients, and ends them all.
 * @throws Error with the seed and the journal, when a process stops responding
 */
export async function conduct(settings: Settings): Promise<Run> {
  const journal = new Journal()
  try {
    return await run(settings, journal)
  } catch (cause) {
    throw new Error(`seed ${settings.seed}: ${(cause as Error).message}\n${journal}`, { cause })
  }
}

async function run(settings: Settings, journal: Journal): Promise<Run> {
  const plan = planOf(settings)
  await using world = await makeWorld(settings, journal)
  await sleep(WARM_UP_MS)
  const processes = [...world.clients, ...world.servers.map(({ actor }) => actor)]
  const before = await Promise.all(
    processes.map(async actor => ({ actor, runs: actor.runs, held: await actor.memory() })),
  )

  const began = performance.now()
  journal.add('the plan begins')
  const end = began + settings.seconds * 1_000
  const lanes = await Promise.all(lanesOf(plan).map(lane => follow(lane, began, end, world)))
  journal.add('all faults are over')

  const settlements = await settle(world)
  const rested = await Promise.all(world.clients.map(client => client.ask('rest', 'rested')))
  const probes = await Promise.all(world.clients.map(probe))
  const memory = await Promise.all(
    before
      .filter(({ actor, runs }) => actor.runs === runs)
      .map(async ({ actor, held }): Promise<MemoryGrowth> => {
        return { who: actor.name, before: held, after: await actor.memory() }
      }),
  )
  await Promise.all(world.clients.map(client => client.end('close')))
  await Promise.all(world.servers.map(({ actor }) => actor.end('SIGTERM')))
  journal.add('all processes have ended')

  const actors = [...processes, ...world.rivals]
  const history: History = {
    ...(await readFiles(world)),
    disturbances: lanes.flat(),
    servers: world.servers.map(({ actor }) => actor.name),
    unended: rested.flatMap(({ unended }) => unended as string[]),
    ends: actors.flatMap(({ ends }) => ends),
    complaints: actors.flatMap(({ complaints }) => complaints),
    settlements,
    probes,
    memory,
  }
  return { plan, history, journal }
}

/** The faults of one target happen one after the other. Different targets have faults at the same time. */
function lanesOf(plan: readonly Fault[]): readonly (readonly Fault[])[] {
  const names = new Set(plan.map(({ target }) => nameOf(target)))
  return [...names].map(name => plan.filter(({ target }) => nameOf(target) === name))
}

/** On a slow machine, a target has fewer faults, not longer ones. */
async function follow(
  lane: readonly Fault[],
  began: number,
  end: number,
  world: World,
): Promise<readonly Disturbance[]> {
  const { journal } = world
  const disturbances: Disturbance[] = []
  for (const fault of lane) {
    await sleep(Math.max(0, began + fault.at - performance.now()))
    if (performance.now() > end) break
    journal.add(sentenceOf(fault))
    const from = journal.now()
    await inflict(fault, world)
    disturbances.push({ who: nameOf(fault.target), kind: fault.kind, from, to: journal.now() })
  }
  return disturbances
}

async function probe(client: Actor): Promise<Probe> {
  const { failures } = await client.ask(`probe ${PROBES}`, 'probed')
  return { who: client.name, calls: PROBES, failures: failures as string[] }
}

/** Reads what servers and clients recorded. */
async function readFiles({ folder, journal }: World): Promise<Pick<History, 'calls' | 'executions'>> {
  const calls: CallRecord[] = []
  const executions: Execution[] = []
  for (const name of await readdir(folder)) {
    // A killed process may have written only part of its last line.
    const lines = (await readFile(join(folder, name), 'utf8')).split('\n').slice(0, -1)
    const who = name.slice(0, name.indexOf('.'))
    for (const line of lines) {
      if (name.endsWith('.outcomes')) {
        const call = JSON.parse(line) as CallRecord
        calls.push({ ...call, at: call.at - journal.epoch })
      } else {
        const [id = '', at] = line.split(' ')
        executions.push({ id, server: who, at: Number(at) - journal.epoch })
      }
    }
  }
  return { calls, executions }
}

const WARM_UP_MS = 1_500
const PROBES = 20
