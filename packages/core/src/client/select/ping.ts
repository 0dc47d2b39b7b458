import type { Clock } from '../../clock.ts'
import type { Selector } from './selector.ts'
import { inTurns } from './weighted-round-robin.ts'

/** Takes turns by weight. A server that answers heartbeats faster has a higher weight, as in Go (client/ping_utils.go). */
export function ping(clock: Clock): Selector {
  return { ...inTurns(clock, ({ pingMs }) => weightOfPing(pingMs)), pings: true }
}

/** Returns a weight from 191 (10 ms or less) down to 1 (200 ms or more, or no answer yet). */
export function weightOfPing(ms: number | undefined): number {
  if (ms === undefined || ms >= 200) return 1
  return ms <= 10 ? 191 : 201 - Math.floor(ms)
}
