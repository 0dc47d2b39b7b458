import type { Clock } from '../../clock.ts'
import { checkChoice } from '../../options.ts'
import type { Position } from './closest.ts'
import { closest } from './closest.ts'
import { consistentHash } from './consistent-hash.ts'
import { customSelector } from './custom-selector.ts'
import { leastActive } from './least-active.ts'
import { ping } from './ping.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'
import type { Chooser, Selector } from './selector.ts'
import { sticky } from './sticky.ts'
import { weightedRoundRobin } from './weighted-round-robin.ts'
import { zoned } from './zoned.ts'

/**
 * How a client distributes its calls over the servers.
 * - `random`: any server
 * - `roundRobin`: one after the other, in address order
 * - `weightedRoundRobin`: in turns, by `weight=…` in the metadata
 * - `consistentHash`: the same server for the same arguments
 * - `closest`: the server nearest to the client, by `latitude=…&longitude=…` in the metadata
 * - `ping`: in turns, with more calls for servers that answer heartbeats faster
 * - `leastActive`: the less loaded of two random servers
 */
export type SelectMode =
  | 'random'
  | 'roundRobin'
  | 'weightedRoundRobin'
  | 'consistentHash'
  | 'closest'
  | 'ping'
  | 'leastActive'

/** Options that decide how a client chooses a server for each call. */
export interface SelectOptions {
  /** How the client chooses servers: the name of a mode, or your own selector. @default 'random' */
  readonly selectMode?: SelectMode | Selector
  /** The position of this client. `closest` requires it; other modes reject it. @default none */
  readonly position?: Position
  /** Returns the key of a call for `consistentHash`. @default the method and the arguments, as in Go's clients */
  readonly hashKey?: (call: Chooser) => string
  /** Whether to use the server that was chosen first for all calls, until it is ejected or leaves the list. @default false */
  readonly sticky?: boolean
  /**
   * Prefers servers with this `zone=…` in their metadata. Servers of other zones get calls when fewer than seven in ten servers of this
   * zone are available. @default none
   */
  readonly zone?: string
}

/**
 * Returns a function that makes a new selector for these options.
 * @param failed called when a user function fails and no call can carry the error
 * @throws TypeError on an unknown mode, or on an option that the mode does not use
 */
export function selectorsFor(
  clock: Clock,
  service: string,
  options: SelectOptions,
  failed: (callback: string, thrown: unknown) => void = () => {},
): () => Selector {
  const { selectMode = 'random', position, hashKey, sticky: isSticky = false, zone } = options
  if (position !== undefined && selectMode !== 'closest')
    throw new TypeError('XClient: position works only with selectMode closest')
  if (hashKey !== undefined && selectMode !== 'consistentHash')
    throw new TypeError('XClient: hashKey works only with selectMode consistentHash')
  const plain = plainFor(clock, service, selectMode, position, hashKey, failed)
  const local = zone === undefined ? plain : () => zoned(clock, zone, plain(), plain())
  return isSticky ? () => sticky(local()) : local
}

function plainFor(
  clock: Clock,
  service: string,
  mode: SelectMode | Selector,
  position: Position | undefined,
  hashKey: ((call: Chooser) => string) | undefined,
  failed: (callback: string, thrown: unknown) => void,
): () => Selector {
  if (typeof mode === 'object' && typeof mode?.pick === 'function')
    return () => customSelector(mode, thrown => failed('selector.update', thrown))
  const selectors: Record<SelectMode, () => Selector> = {
    random: () => random(clock),
    roundRobin,
    weightedRoundRobin: () => weightedRoundRobin(clock),
    consistentHash: () => consistentHash(service, hashKey),
    closest: () => closest(clock, checkPosition(position)),
    ping: () => ping(clock),
    leastActive: () => leastActive(clock),
  }
  const name = checkChoice(
    'XClient',
    'selectMode',
    mode as SelectMode,
    Object.keys(selectors) as SelectMode[],
  )
  if (name === 'closest') checkPosition(position)
  return selectors[name]
}

function checkPosition(position: Position | undefined): Position {
  if (Number.isFinite(position?.latitude) && Number.isFinite(position?.longitude)) return position as Position
  throw new TypeError('XClient: selectMode closest needs a position with latitude and longitude')
}
