import type { Candidate, FailPolicy } from '@rpcx/core'

/** Repeats a failed call on another server with the same `zone=…` in its metadata; without one, wherever the selector says. */
export const sameZone: FailPolicy = {
  repeats: true,
  next({ server }, servers) {
    const zone = server && zoneOf(server)
    return servers.find(other => other !== server && zoneOf(other) === zone)
  },
}

function zoneOf({ endpoint }: Candidate): string | null {
  return new URLSearchParams(endpoint.metadata).get('zone')
}
