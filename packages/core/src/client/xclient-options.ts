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

/** Options of a client: how it selects servers, retries calls and connects. */
export interface XClientOptions extends SelectOptions {
  /** What the client does after a failed attempt: a mode, or your own policy. @default 'failfast' */
  readonly failMode?: FailMode | FailPolicy
  /** The maximum number of retries of a call, with every `failMode` except `failfast`. @default 3 */
  readonly retries?: number
  /**
   * The maximum load that retries add, as a fraction of the calls of the last seconds; 10 retries are always allowed. Retries of calls
   * that no server received, or that a server declined, do not count. @default 0.1
   */
  readonly retryBudget?: number
  /**
   * When `failbackup` also sends an idempotent call to a second server: after a number of milliseconds, or when the call takes longer
   * than this percentage of the recent calls of its method. @default { percentile: 95 }
   */
  readonly backupAfter?: BackupAfter
  /** Functions that wrap every call; the first is the outermost. @default none */
  readonly interceptors?: readonly Interceptor[]
  /** The codec of arguments; servers reply in the same codec. @default 'msgpack' */
  readonly codec?: 'msgpack' | 'json' | 'raw' | Codec
  /** Additional codecs for replies, next to raw, JSON and MessagePack. @default none */
  readonly codecs?: readonly Codec[]
  /**
   * Types by method: message types for codecs that need them, or schemas (zod, valibot, arktype: standardschema.dev) that validate
   * arguments and replies. A call with invalid arguments fails with `ERR_RPCX_ARGUMENT` before anything is sent; an invalid reply fails
   * with `ERR_RPCX_CODEC`. @default none
   */
  readonly types?: Types
  /** `gzip` compresses arguments over 1024 bytes. The server may then compress the reply, too. @default none */
  readonly compress?: 'gzip'
  /** The maximum duration of a call over all attempts. 0: no limit. @default 10_000 */
  readonly timeoutMs?: number
  /** The maximum time to connect to a server. @default 1_000 */
  readonly connectTimeoutMs?: number
  /** Sends a heartbeat on a connection that was silent for so long, and closes it if no answer comes. 0: never. @default 10_000 */
  readonly heartbeatMs?: number
  /**
   * How long to wait for the answer to a heartbeat. Choose it longer than anything that blocks the event loop of the server: closing a
   * connection leaves the outcome of its calls unknown. @default heartbeatMs
   */
  readonly heartbeatTimeoutMs?: number
  /** Whether the client may repeat calls that may have run: `true` for all methods, or a list of methods. @default false */
  readonly idempotent?: boolean | readonly string[]
  /** The token that the client sends with each call as `__AUTH`. A function is called before each call and can renew the token. @default none */
  readonly token?: string | (() => string | Promise<string>)
  /**
   * Secures connections, as options of `node:tls`; `{}` trusts the authorities that Node trusts. A function is called before each
   * connection attempt, so that certificates can change. @default none: plain connections
   */
  readonly tls?: ClientTls
  /** Additional transports. They take precedence over the built-in ones: TCP, unix sockets and memory. @default none */
  readonly transports?: readonly Transport[]
  /**
   * Functions that servers may call over the connections of this client, with `connection.call`; servers in Go cannot. Each function gets
   * the arguments and a context, as a method does: the deadline of the server, a signal, metadata. The server gets its errors like those
   * of a method. @default none
   */
  readonly offers?: ClientMethods
  /**
   * Types of the functions in `offers`, by name: message types for codecs that need them, or schemas that validate arguments and replies
   * synchronously. An invalid call fails with `ERR_RPCX_ARGUMENT` or `ERR_RPCX_CODEC`. @default none
   */
  readonly offerTypes?: Types
  /**
   * The maximum number of running calls of one server to `offers`. Further calls fail at the server with `ERR_RPCX_NOT_EXECUTED`. Functions
   * that return no promise do not count. @default 1_000
   */
  readonly maxConcurrentReverseCalls?: number
  /** Calls only servers of this group (`group=…` in their metadata). @default all servers */
  readonly group?: string
  /** Calls only a part of the servers, which is the same for the same key. For very large fleets. @default all */
  readonly subset?: Subset
  /** The maximum number of pending calls per server. When all servers have as many, calls fail with `ERR_RPCX_UNAVAILABLE`. @default Infinity */
  readonly maxCallsPerServer?: number
  /** Waits for a server when the list is empty, instead of failing with `ERR_RPCX_NO_ENDPOINT`. @default false */
  readonly waitForReady?: boolean
  /**
   * How long to keep using servers that disappear from the list, when fewer than half are left of the largest list of that time. Applies
   * to lists of three or more, and to servers whose connection is up. 0: not at all. @default 15_000
   */
  readonly holdMs?: number
  /**
   * The maximum size of a frame from a server in bytes, also after decompression. A call with a longer reply fails with `ERR_RPCX_FRAME`.
   * @default 16 MiB
   */
  readonly maxFrameBytes?: number
  /**
   * The maximum number of values in a reply: numbers, strings, keys, arrays, … A call with more values in its reply fails with
   * `ERR_RPCX_CODEC`. @default 1_000_000
   */
  readonly maxValues?: number
  /** The maximum depth of arrays and objects in a reply. A call with a deeper reply fails with `ERR_RPCX_CODEC`. @default 100 */
  readonly maxDepth?: number
  /** The maximum number of keys in MessagePack maps of a reply that have a key which is not a string; above it, `ERR_RPCX_CODEC`. @default 4_096 */
  readonly maxMapKeys?: number
  /**
   * The maximum size of what a server has not read yet, in bytes. Further calls go to other servers or wait, within their deadline. Calls of
   * a server to `offers` may hold as much; the client disconnects a server that does not read the answers. @default 16 MiB
   */
  readonly maxBufferedBytes?: number
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}
