import type { Kind } from '@rpcx/servers'
import { Random } from '@rpcx/testing'
import { TTL_MS } from './registries.ts'

/** The settings of a run. */
export interface Settings {
  readonly seed: number
  readonly registry: Kind
  /** How long faults happen, in seconds. */
  readonly seconds: number
  readonly servers: number
  readonly clients: number
  /** Whether the run has its own network namespace, which may lose packets. */
  readonly lossy: boolean
}

export type FaultKind =
  | 'kill'
  | 'terminate'
  | 'stop'
  | 'block'
  | 'deactivate'
  | 'reweigh'
  | 'claim'
  | 'killRegistry'
  | 'pauseRegistry'
  | 'lose'

/** A fault with a start and a duration. */
export interface Fault {
  readonly kind: FaultKind
  /** The target of the fault. The faults of one target do not overlap. */
  readonly target: Target
  /** The start, in milliseconds of the run. */
  readonly at: number
  readonly forMs: number
}

export interface Target {
  readonly what: 'server' | 'client' | 'registry' | 'network'
  /** From 1 on. */
  readonly number: number
}

/** Returns the same plan for the same settings. */
export function planOf(settings: Settings): readonly Fault[] {
  const random = new Random(settings.seed)
  const lane = (what: Target['what'], number: number): Fault[] => {
    const { pauseMs, kinds } = lanes[what]
    const faults: Fault[] = []
    const end = settings.seconds * 1_000
    let at = random.below(pauseMs)
    for (;;) {
      const kind = random.pick(kinds)
      const forMs = Math.round(durationOf(kind, random, TTL_MS[settings.registry]))
      // It ends last, so that its effects are still there when the run is judged.
      const isLast = at + forMs + pauseMs > end
      if (isLast) at = Math.max(at, end - forMs)
      faults.push({ kind, target: { what, number }, at: Math.round(at), forMs })
      if (isLast) return faults
      at += forMs + 500 + random.below(pauseMs)
    }
  }
  const plan = [
    ...numbers(settings.servers).flatMap(number => lane('server', number)),
    ...numbers(settings.clients).flatMap(number => lane('client', number)),
    ...lane('registry', 1),
    ...(settings.lossy ? lane('network', 1) : []),
  ]
  return plan.sort((a, b) => a.at - b.at)
}

/** The duration of the fault, in milliseconds. */
function durationOf(kind: FaultKind, random: Random, ttlMs: number): number {
  switch (kind) {
    case 'kill':
      // Some servers restart before their entry expires, others long after.
      return random.pick([0, 300, ttlMs / 2, 2 * ttlMs]) * random.next()
    case 'terminate':
      return 1_000 * random.next()
    case 'stop':
      return random.pick([200, ttlMs / 2, 2 * ttlMs]) * random.next()
    case 'block':
      return random.pick([100, 1_000, 1.5 * ttlMs]) * random.next()
    case 'deactivate':
    case 'reweigh':
      return 2_000 * random.next()
    case 'claim':
      return 500 + 2_500 * random.next()
    case 'killRegistry':
      return random.pick([100, ttlMs, 1.5 * ttlMs]) * random.next()
    case 'pauseRegistry':
      return random.pick([0.3, 1.2, 1.3]) * ttlMs
    case 'lose':
      return 3_000 * random.next()
  }
}

const lanes: Record<Target['what'], { readonly pauseMs: number; readonly kinds: readonly FaultKind[] }> = {
  server: {
    pauseMs: 2_500,
    kinds: ['kill', 'kill', 'terminate', 'terminate', 'stop', 'block', 'deactivate', 'reweigh', 'claim'],
  },
  client: { pauseMs: 5_000, kinds: ['stop', 'block'] },
  registry: { pauseMs: 4_000, kinds: ['killRegistry', 'pauseRegistry', 'pauseRegistry'] },
  network: { pauseMs: 4_000, kinds: ['lose'] },
}

/** Returns the plan as text, with one line for each fault. */
export function timeline(plan: readonly Fault[]): string {
  return plan.map(fault => `${(fault.at / 1_000).toFixed(3).padStart(8)} s  ${sentenceOf(fault)}`).join('\n')
}

/** The sentence that describes each kind of fault. */
export function sentenceOf({ kind, target, forMs }: Fault): string {
  const who = target.what === 'registry' || target.what === 'network' ? `the ${target.what}` : nameOf(target)
  return `${who} ${sentences[kind]} for ${forMs} ms`
}

export function nameOf({ what, number }: Target): string {
  return `${what}${number}`
}

export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

const sentences: Record<FaultKind, string> = {
  kill: 'is killed by SIGKILL, and is down',
  terminate: 'ends by SIGTERM, and is down',
  stop: 'is stopped by SIGSTOP',
  block: 'blocks its event loop',
  deactivate: 'is set to state=inactive by an operator',
  reweigh: 'is given another weight by an operator',
  claim: 'loses its address to another server, which lives on',
  killRegistry: 'is killed by SIGKILL, and is down',
  pauseRegistry: 'is stopped by SIGSTOP',
  lose: 'loses a tenth of all packets',
}
