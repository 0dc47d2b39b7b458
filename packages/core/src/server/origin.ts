import type { CallSource, IncomingCall } from '../call/incoming-call.ts'
import type { Clock } from '../clock.ts'
import type { RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Meters } from './meters.ts'
import type { ServerEvents } from './plugin.ts'
import type { Plugins } from './plugins.ts'
import type { Runner } from './runner.ts'

/** Where a connection comes from. A session passes it to the constructor of `Session`. */
export interface Origin {
  /** `tcp@127.0.0.1:53412` */
  readonly remoteAddress: string
}

/** Which calls run, wait or are refused, of all sessions together. */
export interface CallLimits {
  /** Runs a call now or lets it wait. @throws `ERR_RPCX_NOT_EXECUTED` */
  enter(source: CallSource, call: IncomingCall): void
  /** The caller is known now. @throws `ERR_RPCX_NOT_EXECUTED` */
  known(call: IncomingCall): void
  /** `authenticate` takes its time over a call of so many bytes, and has settled. @throws `ERR_RPCX_NOT_EXECUTED` */
  asking(bytes: number): void
  asked(bytes: number): void
  /** A call has begun that is not done at once and holds so many bytes, and has ended. */
  began(bytes: number): void
  ended(bytes: number): void
  /** A connection reads again: runs what waited for that. */
  advance(): void
  /** The connection is gone: nobody waits for its calls. */
  forget(source: CallSource): void
  /** How many calls of that connection wait. */
  waitingOf(source: CallSource): number
}

/** What all sessions of a server share, whatever they speak. */
export interface SessionHost {
  readonly runner: Runner
  readonly admission: CallLimits
  readonly plugins: Plugins
  readonly meters: Meters
  readonly events: Events<ServerEvents>
  readonly clock: Clock
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
  if (behind === undefined)
    throw new TypeError('ServerSession: origin did not come from a server, by Door.open()')
  return behind
}

// A door may have been written with another copy of this package.
const BEHIND: unique symbol = Symbol.for('rpcx.origin') as never
