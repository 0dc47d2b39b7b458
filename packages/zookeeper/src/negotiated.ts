import { channel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'

/**
 * Reports when the granted session timeout differs from the requested one: on the `diagnostics_channel` `rpcx:zookeeper:timeoutNegotiated`
 * and under `NODE_DEBUG=rpcx`.
 */
export function tellTimeout(server: string, askedMs: number, grantedMs: number): void {
  if (askedMs === grantedMs) return
  debug('zookeeper %s: asked for a session timeout of %d ms, granted %d ms', server, askedMs, grantedMs)
  negotiated.publish({ server, askedMs, grantedMs })
}

const debug = debuglog('rpcx')
const negotiated = channel('rpcx:zookeeper:timeoutNegotiated')
