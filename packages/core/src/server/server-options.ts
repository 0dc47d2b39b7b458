import type { TlsOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import type { Transport } from '../transport/transport.ts'
import type { Authenticate } from './authentication.ts'
import type { Door } from './door.ts'
import type { RateLimitOptions } from './rate-limit.ts'

/** Options of a server: access, limits, start and end. */
export interface ServerOptions {
  /** Additional codecs, next to raw, JSON and MessagePack. @default none */
  readonly codecs?: readonly Codec[]

  /**
   * Certificate and key, as options of `node:tls`, for every network except `memu`. With `requestCert`, clients need a
   * certificate, too, unless `rejectUnauthorized` is false. @default none: plain connections
   */
  readonly tls?: TlsOptions
  /** Additional protocols for calls, on the same addresses as rpcx. The server tries them in this order. @default none */
  readonly doors?: readonly Door[]
  /** Additional transports. They take precedence over the built-in ones: TCP, unix sockets and memory. @default none */
  readonly transports?: readonly Transport[]
  /** Decides for each call whether its caller may make it. @default every caller may */
  readonly authenticate?: Authenticate
  /** Hosts that may connect: IP addresses, or subnets such as `10.0.0.0/8`. @default all */
  readonly allow?: readonly string[]
  /** Hosts that may not connect, even if `allow` contains them. @default none */
  readonly deny?: readonly string[]

  /**
   * The maximum size of a frame from a client in bytes, also after decompression. A longer call fails with `ERR_RPCX_FRAME`.
   * @default 16 MiB
   */
  readonly maxFrameBytes?: number
  /**
   * The maximum number of values in the arguments of a call: numbers, strings, keys, arrays, … A decoded payload can take many times its
   * size in bytes. A call with more values fails with `ERR_RPCX_ARGUMENT`. @default 1_000_000
   */
  readonly maxValues?: number
  /** The maximum depth of arrays and objects in the arguments of a call. A deeper call fails with `ERR_RPCX_ARGUMENT`. @default 100 */
  readonly maxDepth?: number
  /**
   * The maximum number of keys in MessagePack maps of a payload that have a key which is not a string. An attacker could choose such keys
   * so that they are slow to store. A call with more fails with `ERR_RPCX_ARGUMENT`. @default 4_096
   */
  readonly maxMapKeys?: number
  /** The maximum memory of running calls in bytes: frames, decompressed payloads, decoded values. Further calls wait. @default 256 MiB */
  readonly maxHeldBytes?: number
  /** The part of `maxHeldBytes` that one connection may use. Its further calls wait. @default a quarter of maxHeldBytes */
  readonly maxHeldBytesPerConnection?: number
  /** The maximum size of all waiting calls in bytes. Further calls get `ERR_RPCX_NOT_EXECUTED`. @default 64 MiB */
  readonly maxQueuedBytes?: number
  /** The maximum size of incomplete frames of all connections in bytes. Above it, the server closes the connection with the most. @default 128 MiB */
  readonly maxUnfinishedBytes?: number
  /** The maximum size of unread replies and pushes of all connections in bytes. Above it, the server closes the connection with the most. @default 256 MiB */
  readonly maxUnreadBytes?: number
  /**
   * The part of `maxUnreadBytes` that one client may leave unread. Further replies to it fail with `ERR_RPCX_FRAME`, after their calls ran.
   * @default half of maxUnreadBytes
   */
  readonly maxUnreadBytesPerConnection?: number
  /** The maximum number of open connections. The server closes further ones at once. @default Infinity */
  readonly maxConnections?: number
  /** The maximum number of running calls. Further calls wait. @default 10_000 */
  readonly maxConcurrentCalls?: number
  /** The maximum number of running calls of one connection. @default maxConcurrentCalls */
  readonly maxConcurrentCallsPerConnection?: number
  /** The maximum number of waiting calls. Further calls get `ERR_RPCX_NOT_EXECUTED`. @default 1_000 */
  readonly maxQueuedCalls?: number
  /** The maximum number of calls per second. Further calls get `ERR_RPCX_NOT_EXECUTED`. @default no limit */
  readonly rateLimit?: RateLimitOptions

  /** Closes a connection without running calls if the client sends nothing, not even heartbeats, for so long. 0: never. @default 300_000 */
  readonly idleTimeoutMs?: number
  /** The maximum duration of a TLS handshake. @default 10_000 */
  readonly handshakeTimeoutMs?: number
  /** The maximum time from the first byte of a frame to the last. @default 30_000 */
  readonly frameTimeoutMs?: number

  /** How long `serve()` waits for the first attempt of its plugins to register. @default 10_000 */
  readonly startTimeoutMs?: number
  /** How long `close()` keeps serving after the server left every registry, so that clients notice. @default 250 */
  readonly noticeMs?: number
  /** How long `close()` waits for running calls. @default 10_000 */
  readonly drainMs?: number
  /** How long a drained connection stays open after its last frame, so that the client can close it first. @default 1_000 */
  readonly lingerMs?: number
  /**
   * Returns a promise that resolves when the server can serve, for example `() => client.ready()`, which waits for a list of servers, or a
   * first call, which also shows that one answers. The server calls it once it listens. Until the promise resolves, calls fail with
   * `ERR_RPCX_NOT_EXECUTED`, the health is `starting`, and the server is not registered. `serve()` waits for it, and rejects if it rejects.
   * @default nothing to wait for
   */
  readonly readyWhen?: () => Promise<unknown>
  /**
   * Clients and discoveries that only the methods of this server use. After the drain, the server closes them in reverse order, each within
   * 10 s. @default none
   */
  readonly owns?: readonly AsyncDisposable[]
  /** Whether `_health.Check` skips `authenticate`, for probes without a token. @default false */
  readonly publicHealth?: boolean
  /** Signals that close the server, such as `SIGTERM`. A second signal ends the process at once. @default none */
  readonly closeOn?: readonly NodeJS.Signals[]

  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/** Options of `close()`. */
export interface CloseOptions {
  /** How long to wait for running calls. @default drainMs of the server */
  readonly drainMs?: number
}

/** Every option, by which misspelt ones are found. */
export const SERVER_OPTIONS: Readonly<Record<keyof ServerOptions, true>> = {
  codecs: true,
  tls: true,
  doors: true,
  transports: true,
  authenticate: true,
  allow: true,
  deny: true,
  maxFrameBytes: true,
  maxValues: true,
  maxDepth: true,
  maxMapKeys: true,
  maxHeldBytes: true,
  maxHeldBytesPerConnection: true,
  maxQueuedBytes: true,
  maxUnfinishedBytes: true,
  maxUnreadBytes: true,
  maxUnreadBytesPerConnection: true,
  maxConnections: true,
  maxConcurrentCalls: true,
  maxConcurrentCallsPerConnection: true,
  maxQueuedCalls: true,
  rateLimit: true,
  idleTimeoutMs: true,
  handshakeTimeoutMs: true,
  frameTimeoutMs: true,
  startTimeoutMs: true,
  noticeMs: true,
  drainMs: true,
  lingerMs: true,
  readyWhen: true,
  owns: true,
  publicHealth: true,
  closeOn: true,
  clock: true,
}
