import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import type { ClientTls } from '../transport/tls.ts'
import type { Transport } from '../transport/transport.ts'
import type { Interceptor } from './call/interceptor.ts'
import type { Types } from './call/schema.ts'
import type { ClientMethods } from './connection/client-methods.ts'
import type { FailMode } from './policy/fail-mode.ts'
import type { FailPolicy } from './policy/fail-policy.ts'
import type { BackupAfter } from './policy/failbackup.ts'
import type { SelectOptions } from './select/select-mode.ts'
import type { Subset } from './select/subset.ts'

/** How an `XClient` finds its servers, repeats calls and speaks. */
export interface XClientOptions extends SelectOptions {
  /** What follows a failed attempt: by name, or a policy of your own. @default 'failfast' */
  readonly failMode?: FailMode | FailPolicy
  /** How often a call is repeated at most, under every `failMode` but `failfast`. @default 3 */
  readonly retries?: number
  /**
   * How much load repeated calls may add, as a share of the calls of the last seconds; 10 are always allowed. Calls that no server
   * got, or that another server than the one that declined can take, are free. @default 0.1
   */
  readonly retryBudget?: number
  /**
   * When `failbackup` sends an idempotent call to a second server as well: after so many milliseconds, or when it takes longer than
   * that percentage of the newest calls of its method. @default { percentile: 95 }
   */
  readonly backupAfter?: BackupAfter
  /** What stands around every call; the first is the outermost. @default none */
  readonly interceptors?: readonly Interceptor[]
  /** How arguments are encoded; servers answer in the same. @default 'msgpack' */
  readonly codec?: 'msgpack' | 'json' | 'raw' | Codec
  /** Codecs beside raw, JSON and MessagePack that replies may come in. @default none */
  readonly codecs?: readonly Codec[]
  /**
   * Types by method: message types for codecs that need them, or schemas (zod, valibot, arktype: standardschema.dev) by which
   * arguments and replies are checked. A call that does not fit fails with `ERR_RPCX_ARGUMENT`, before anything is sent, or with
   * `ERR_RPCX_CODEC`. @default none
   */
  readonly types?: Types
  /** `gzip` compresses arguments over 1024 bytes; the reply of such a call may then be compressed too. @default none */
  readonly compress?: 'gzip'
  /** How long a call may take in all, over all attempts. 0: without end. @default 10_000 */
  readonly timeoutMs?: number
  /** How long one dial may take. @default 1_000 */
  readonly connectTimeoutMs?: number
  /** A connection on which nothing came for so long is asked for a sign of life, and closed when none comes. 0: never. @default 10_000 */
  readonly heartbeatMs?: number
  /**
   * How long to wait for that sign of life. Longer than anything that blocks the server's event loop: a connection that is closed leaves the
   * outcome of its calls unknown. @default heartbeatMs
   */
  readonly heartbeatTimeoutMs?: number
  /** Whether calls may be repeated after they may have run: all methods, or these. @default false */
  readonly idempotent?: boolean | readonly string[]
  /** Sent with each call as `__AUTH`; a function is asked before each call, so that it can renew the token. @default none */
  readonly token?: string | (() => string | Promise<string>)
  /**
   * Secures connections, in the options of `node:tls`; `{}` trusts the authorities that Node trusts. A function is asked before
   * each dial, so that certificates can change. @default none: plain connections
   */
  readonly tls?: ClientTls
  /** How bytes travel for further networks, or for these in another way: they come before TCP, unix sockets and memory. @default none */
  readonly transports?: readonly Transport[]
  /**
   * Functions that servers may call over the connections of this client, by `connection.call`. Only servers of ours do. Each
   * gets the arguments and a context, as a method does: the deadline that the server set, a signal, metadata. Its errors are told to the
   * server as a method's are. @default none
   */
  readonly offers?: ClientMethods
  /**
   * Types of what is in `offers`, by name: message types for codecs that need them, or schemas by which arguments and replies are checked at
   * once. A call that does not fit fails with `ERR_RPCX_ARGUMENT` or `ERR_RPCX_CODEC`. @default none
   */
  readonly offerTypes?: Types
  /**
   * How many calls of one server `offers` may answer at once; further ones fail there with `ERR_RPCX_NOT_EXECUTED`. Functions that return no
   * promise do not count. @default 1_000
   */
  readonly maxConcurrentReverseCalls?: number
  /** Calls only servers of this group (`group=…` in their metadata). @default all servers */
  readonly group?: string
  /** Calls only so many of the servers, the same for the same key. For very large fleets. @default all */
  readonly subset?: Subset
  /** How many calls may wait for one server; when all have as many, calls fail with `ERR_RPCX_UNAVAILABLE`. @default Infinity */
  readonly maxCallsPerServer?: number
  /** With an empty list, waits for a server instead of failing with `ERR_RPCX_NO_ENDPOINT`. @default false */
  readonly waitForReady?: boolean
  /**
   * How long to keep using servers that disappear from the list, when fewer than half are left of the largest list of that time. Applies
   * to lists of three or more, and to servers whose connection is up. 0: not at all. @default 15_000
   */
  readonly holdMs?: number
  /**
   * The longest frame that a server may send, in bytes, also after decompression. A call whose reply is longer fails with `ERR_RPCX_FRAME`.
   * @default 16 MiB
   */
  readonly maxFrameBytes?: number
  /**
   * How many values a reply may have: numbers, strings, keys, arrays, … A call whose reply has more fails with `ERR_RPCX_CODEC`. Payloads
   * of fewer bytes are not counted. @default 1_000_000
   */
  readonly maxValues?: number
  /** How many levels of arrays and objects a reply may have; a call whose reply has more fails with `ERR_RPCX_CODEC`. @default 100 */
  readonly maxDepth?: number
  /** How many keys that are no strings the maps of a reply may have, in MessagePack; with more it fails with `ERR_RPCX_CODEC`. @default 4_096 */
  readonly maxMapKeys?: number
  /**
   * What may wait for a server to read it, in bytes; further calls go elsewhere or wait, within their deadline. As much may be held by the
   * calls that a server makes to `offers`; one that does not read the answers is cut off. @default 16 MiB
   */
  readonly maxBufferedBytes?: number
  /** Where time and chance come from, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}
