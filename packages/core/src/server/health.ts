/** The health of a server: `starting` until `serve()` settles, `draining` once `close()` is called. */
export type Health = 'starting' | 'ready' | 'draining' | 'closed'

/** The name of the health service. `_health.Check` takes no arguments and replies `{ status }`. No registry lists it. */
export const HEALTH_SERVICE = '_health'

/** Returns the built-in service that reports the health of the server. It also answers while the server drains. */
export function healthService(health: () => Health): { Check(): { status: Health } } {
  return { Check: () => ({ status: health() }) }
}
