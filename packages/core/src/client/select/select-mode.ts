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
 * How a client spreads its calls. `random` · `roundRobin` in address order · `weightedRoundRobin` by `weight=…` in the metadata ·
 * `consistentHash`: the same server for the same arguments · `closest` to the client by `latitude=…&longitude=…` · `ping`: the
 * sooner a server answers heartbeats, the more often · `leastActive`: of two at random, the one with less to do.
 */
export type SelectMode =
  | 'random'
  | 'roundRobin'
  | 'weightedRoundRobin'
  | 'consistentHash'
  | 'closest'
  | 'ping'
  | 'leastActive'

/** How a client chooses a server for each call. */
export interface SelectOptions {
  /** How servers are chosen: by name, or a selector of your own. @default 'random' */
  readonly selectMode?: SelectMode | Selector
  /** Where this client is, for `closest`, which needs it. @default none */
  readonly position?: Position
  /** What `consistentHash` tells calls apart by. @default the method and the arguments, as Go's clients do */
  readonly hashKey?: (call: Chooser) => string
  /** Whether to keep to the server that was chosen first, as long as it is in service. @default false */
  readonly sticky?: boolean
  /**
   * Prefers servers with this `zone=…` in their metadata; others get calls when fewer than seven of ten there are in service.
   * @default none
   */
  readonly zone?: string
}

/**
 * Makes selectors of one kind.
 * @param failed hears of functions of the user's that fail where no call can be told
 * @throws TypeError on an unknown mode, or an option without its mode
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
