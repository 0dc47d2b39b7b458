import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Limits, Target } from './target.ts'
import { LIMITS } from './target.ts'

/** Why an input failed. */
export interface Fault {
  readonly kind: 'threw' | 'took long' | 'holds much'
  readonly what: string
  readonly cause?: unknown
}

/** Gives one input to a target. Measures again when the first result exceeds a limit, because time and memory are noisy. */
export async function tried(target: Target, input: Buffer): Promise<Fault | undefined> {
  const limits: Limits = { ...LIMITS, ...target.limits }
  const heldBefore = held()
  const first = await timed(target, input)
  const allocated = held() - heldBefore
  if (first.threw !== undefined) return first.threw
  const mayTakeMs = limits.ms + (limits.msPerKiB * input.length) / 1_024
  if (first.ms > mayTakeMs) {
    // The elapsed time may include waiting for a processor.
    const ms = Math.min(await worked(target, input), await worked(target, input))
    if (ms > mayTakeMs)
      return { kind: 'took long', what: `${ms.toFixed(0)} ms, more than ${mayTakeMs.toFixed(0)}` }
  }
  const mayHold = limits.heapBytes + limits.heapFactor * input.length
  // A garbage collection meanwhile hides allocations.
  const isSuspect = allocated < 0 || allocated > mayHold || input.length > EXACT_BYTES
  if (isSuspect) {
    const bytes = Math.min(await retained(target, input), await retained(target, input))
    if (bytes > mayHold) return { kind: 'holds much', what: `${bytes} bytes, more than ${mayHold}` }
  }
  return undefined
}

/** Longer inputs are rare, so they are measured exactly. */
const EXACT_BYTES = 65_536

/** Returns how long it takes, and the failure if it throws a wrong error. */
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

/** Returns the CPU time of it, in milliseconds. */
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

/** Returns the memory that the decoded value keeps in use. */
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
  // Keeps the value reachable until here.
  kept.length = 0
  return bytes
}

function held(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

/** Collects twice, because memory outside the heap is released only by the second collection. */
function collect(): void {
  gc()
  gc()
}

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')
