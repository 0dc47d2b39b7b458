/** `starting` until `serve()` has settled; `draining` from `close()` on. */
export type Health = 'starting' | 'ready' | 'draining' | 'closed'

/** Where clients ask for it: `_health.Check` takes nothing and replies `{ status }`. It stands in no registry. */
export const HEALTH_SERVICE = '_health'

/** The built-in service that tells how the server is; answered also while it drains. */
export function healthService(health: () => Health): { Check(): { status: Health } } {
  return { Check: () => ({ status: health() }) }
}
