import type { CallSource, IncomingCall } from '../call/incoming-call.ts'
import type { Clock } from '../clock.ts'
import type { RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Meters } from './meters.ts'
import type { ServerEvents } from './plugin.ts'
import type { Plugins } from './plugins.ts'
import type { Runner } from './runner.ts'

/** The origin of a connection. A session passes it to the constructor of `ServerSession`. */
export interface Origin {
  /** The address of the client, such as `tcp@127.0.0.1:53412`. */
  readonly remoteAddress: string
}

/** The limits on the calls of all sessions. */
export interface CallLimits {
  /** Runs a call now or queues it. @throws `ERR_RPCX_NOT_EXECUTED` */
  enter(source: CallSource, call: IncomingCall): void
  /** Counts a call once its caller is authenticated. @throws `ERR_RPCX_NOT_EXECUTED` */
  known(call: IncomingCall): void
  /** Counts a call of this size for which `authenticate` is pending; `asked` ends that. @throws `ERR_RPCX_NOT_EXECUTED` */
  asking(bytes: number): void
  asked(bytes: number): void
  /** Counts an asynchronous call that holds this many bytes; `ended` ends that. */
  began(bytes: number): void
  ended(bytes: number): void
  /** Runs waiting calls after a connection reads again. */
  advance(): void
  /** Drops the waiting calls of a connection that has closed. */
  forget(source: CallSource): void
  /** Returns the number of waiting calls of a connection. */
  waitingOf(source: CallSource): number
}

/** The parts of a server that all its sessions share, for any protocol. */
export interface SessionHost {
  readonly runner: Runner
  readonly admission: CallLimits
  readonly plugins: Plugins
  readonly meters: Meters
  readonly events: Events<ServerEvents>
  readonly clock: Clock
  /** Returns why the server runs no calls; `undefined` when it runs them. */
  whyNot(): 'closing' | 'starting' | undefined
  closed(session: CallSource): void
}

/** The server behind an origin, and the reason to refuse its calls. */
interface Behind {
  readonly host: SessionHost
  readonly refusal: RpcxError | undefined
}

/** Returns the origin of a connection to a server. @param refusal set when the client's certificate is not accepted */
export function originOf(remoteAddress: string, host: SessionHost, refusal: RpcxError | undefined): Origin {
  return { remoteAddress, [BEHIND]: { host, refusal } } as Origin
}

/** @throws TypeError when no server created this origin */
export function hostOf(origin: Origin): Behind {
  const behind = (origin as { readonly [BEHIND]?: Behind })[BEHIND]
  if (behind === undefined)
    throw new TypeError('ServerSession: origin did not come from a server, by Door.open()')
  return behind
}

// A global symbol: the door may use another copy of this package.
const BEHIND: unique symbol = Symbol.for('rpcx.origin') as never
