import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Limits, Target } from './target.ts'
import { LIMITS } from './target.ts'

/** Why an input is one too many. */
export interface Fault {
  readonly kind: 'threw' | 'took long' | 'holds much'
  readonly what: string
  readonly cause?: unknown
}

/** Gives one input to a target, and measures again what seems too much: a machine does other things, and memory is noisy. */
export async function tried(target: Target, input: Buffer): Promise<Fault | undefined> {
  const limits: Limits = { ...LIMITS, ...target.limits }
  const heldBefore = held()
  const first = await timed(target, input)
  const allocated = held() - heldBefore
  if (first.threw !== undefined) return first.threw
  const mayTakeMs = limits.ms + (limits.msPerKiB * input.length) / 1_024
  if (first.ms > mayTakeMs) {
    // By the clock it may have waited for a processor.
    const ms = Math.min(await worked(target, input), await worked(target, input))
    if (ms > mayTakeMs)
      return { kind: 'took long', what: `${ms.toFixed(0)} ms, more than ${mayTakeMs.toFixed(0)}` }
  }
  const mayHold = limits.heapBytes + limits.heapFactor * input.length
  // A collection meanwhile hides what was allocated.
  const isSuspect = allocated < 0 || allocated > mayHold || input.length > EXACT_BYTES
  if (isSuspect) {
    const bytes = Math.min(await retained(target, input), await retained(target, input))
    if (bytes > mayHold) return { kind: 'holds much', what: `${bytes} bytes, more than ${mayHold}` }
  }
  return undefined
}

/** Longer inputs are few, and measured exactly. */
const EXACT_BYTES = 65_536

/** How long it takes, and what was wrong if it threw what it may not. */
async function timed({ decode, mayThrow }: Target, input: Buffer): Promise<Timed> {
  const since = performance.now()
  try {
    const value = decode(input)
    if (value instanceof Promise) await value
  } catch (cause) {
    if (!mayThrow(cause)) return { ms: 0, threw: { kind: 'threw', what: String(cause), cause } }
  }
  return { ms: performance.now() - since }
}

/** For how long a processor is busy with it, in milliseconds. */
async function worked(target: Target, input: Buffer): Promise<number> {
  const before = process.cpuUsage()
  await timed(target, input)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

interface Timed {
  readonly ms: number
  readonly threw?: Fault
}

/** How much more is held while the decoded value is. */
export async function retained({ decode, mayThrow }: Target, input: Buffer): Promise<number> {
  const kept: unknown[] = []
  collect()
  const before = held()
  try {
    kept.push(await decode(input))
  } catch (error) {
    if (!mayThrow(error)) throw error
  }
  collect()
  const bytes = held() - before
  // Until now it was reachable.
  kept.length = 0
  return bytes
}

function held(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

/** Twice: what the first one frees beside the heap is gone with the second. */
function collect(): void {
  gc()
  gc()
}

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')
