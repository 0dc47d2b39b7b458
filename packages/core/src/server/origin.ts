import type { CallSource } from '../call/incoming-call.ts'
import type { RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Admission } from './admission.ts'
import type { Meters } from './meters.ts'
import type { ServerEvents } from './plugin.ts'
import type { Plugins } from './plugins.ts'
import type { Runner } from './runner.ts'

/** Where a connection comes from. A session passes it to the constructor of `Session`. */
export interface Origin {
  /** `tcp@127.0.0.1:53412` */
  readonly remoteAddress: string
}

/** What all sessions of a server share, whatever they speak. */
export interface SessionHost {
  readonly runner: Runner
  readonly admission: Admission
  readonly plugins: Plugins
  readonly meters: Meters
  readonly events: Events<ServerEvents>
  /** What keeps the server from running calls: it closes, or is not ready yet. */
  whyNot(): 'closing' | 'starting' | undefined
  closed(session: CallSource): void
}

/** The server behind an origin, and why nothing is served there. */
interface Behind {
  readonly host: SessionHost
  readonly refusal: RpcxError | undefined
}

/** Where a connection to that server comes from. @param refusal the certificate of the client is not accepted */
export function originOf(remoteAddress: string, host: SessionHost, refusal: RpcxError | undefined): Origin {
  return { remoteAddress, [BEHIND]: { host, refusal } } as Origin
}

/** @throws TypeError when it is none that a server gave to a door */
export function hostOf(origin: Origin): Behind {
  const behind = (origin as { readonly [BEHIND]?: Behind })[BEHIND]
  if (behind === undefined) throw new TypeError('Session: origin is none that a server gave to Door.open()')
  return behind
}

// A door may have been written with another copy of this package.
const BEHIND: unique symbol = Symbol.for('rpcx.origin') as never
