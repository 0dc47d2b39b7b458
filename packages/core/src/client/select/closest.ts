import type { Clock } from '../../clock.ts'
import type { Endpoint } from '../../discovery/discovery.ts'
import type { Candidate, Selector } from './selector.ts'

/** A geographic position, in degrees. */
export interface Position {
  /** The latitude: positive north of the equator. */
  readonly latitude: number
  /** The longitude: positive east of Greenwich. */
  readonly longitude: number
}

/**
 * Chooses the server nearest to `position`, by `latitude` and `longitude` in its metadata. Chooses at random among equally near servers.
 * Never chooses a server without a position, as in Go (client/geo_utils.go).
 */
export function closest(clock: Clock, position: Position): Selector {
  let known: readonly Candidate[] = []
  let nearest: readonly Candidate[] = []
  return {
    pick(candidates) {
      if (candidates !== known) {
        nearest = nearestOf(candidates, position)
        known = candidates
      }
      return nearest[Math.floor(clock.random() * nearest.length)]
    },
  }
}

/** Returns the distance in metres, by the haversine formula with the earth radius that Go uses. */
export function distance(from: Position, to: Position): number {
  const [a, b] = [radians(from.latitude), radians(to.latitude)]
  const h =
    haversine(b - a) + Math.cos(a) * Math.cos(b) * haversine(radians(to.longitude) - radians(from.longitude))
  return 2 * 6_378_100 * Math.asin(Math.sqrt(h))
}

function nearestOf(candidates: readonly Candidate[], position: Position): readonly Candidate[] {
  let nearest: Candidate[] = []
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const place = positionOf(candidate.endpoint)
    const metres = place === undefined ? Number.NaN : distance(position, place)
    if (metres < least) {
      nearest = [candidate]
      least = metres
    } else if (metres === least) {
      nearest.push(candidate)
    }
  }
  return nearest
}

function positionOf({ values }: Endpoint): Position | undefined {
  const [latitude, longitude] = [degrees(values.get('latitude')?.[0]), degrees(values.get('longitude')?.[0])]
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude }
}

function degrees(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

function radians(angle: number): number {
  return (angle * Math.PI) / 180
}

function haversine(angle: number): number {
  return Math.sin(angle / 2) ** 2
}
