import type { Clock } from '../../clock.ts'
import type { Selector } from './selector.ts'
import { inTurns } from './weighted-round-robin.ts'

/** In turns, the more often the sooner a server answers a heartbeat, weighted as Go weighs its pings (client/ping_utils.go). */
export function ping(clock: Clock): Selector {
  return { ...inTurns(clock, ({ pingMs }) => weightOfPing(pingMs)), pings: true }
}

/** From 191 at 10 ms or less down to 1 at 200 ms or more, or when it has not answered yet. */
export function weightOfPing(ms: number | undefined): number {
  if (ms === undefined || ms >= 200) return 1
  return ms <= 10 ? 191 : 201 - Math.floor(ms)
}
