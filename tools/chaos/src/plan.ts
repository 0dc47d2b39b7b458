import type { Kind } from '@rpcx/servers'
import { Random } from '@rpcx/testing'
import { TTL_MS } from './registries.ts'

/** What a run is about. */
export interface Settings {
  readonly seed: number
  readonly registry: Kind
  /** For how long there are faults. */
  readonly seconds: number
  readonly servers: number
  readonly clients: number
  /** Whether the run is in a network of its own, which may lose packets. */
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

/** Something that goes wrong at a time, and is put right after another. */
export interface Fault {
  readonly kind: FaultKind
  /** Who suffers it. Those of one target follow each other. */
  readonly target: Target
  /** When it begins, in milliseconds of the run. */
  readonly at: number
  readonly forMs: number
}

export interface Target {
  readonly what: 'server' | 'client' | 'registry' | 'network'
  /** From 1 on. */
  readonly number: number
}

/** The same plan for the same settings. */
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
      // The last one is over when all are, so that what it leaves behind is still there.
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

/** How long a fault lasts, in milliseconds. */
function durationOf(kind: FaultKind, random: Random, ttlMs: number): number {
  switch (kind) {
    case 'kill':
      // Some are back while their entry still stands, others long after.
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

/** A plan as people read it, a line for each fault. */
export function timeline(plan: readonly Fault[]): string {
  return plan.map(fault => `${(fault.at / 1_000).toFixed(3).padStart(8)} s  ${sentenceOf(fault)}`).join('\n')
}

/** What happens in a fault. */
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
