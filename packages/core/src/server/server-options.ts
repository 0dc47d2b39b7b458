import type { TlsOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import type { Transport } from '../transport/transport.ts'
import type { Authenticate } from './authentication.ts'
import type { Door } from './door.ts'
import type { RateLimitOptions } from './rate-limit.ts'

/** Whom a server lets in, how much it takes on, and how it starts and ends. */
export interface ServerOptions {
  /** Codecs beside raw, JSON and MessagePack. @default none */
  readonly codecs?: readonly Codec[]

  /**
   * Certificate and key, in the options of `node:tls`, for every network but `memu`; with `requestCert`, clients need a
   * certificate too unless `rejectUnauthorized` is false. @default none: plain connections
   */
  readonly tls?: TlsOptions
  /** Protocols by which calls come in beside rpcx, on the same addresses, in the order in which they are asked. @default none */
  readonly doors?: readonly Door[]
  /** How bytes travel for further networks, or for these in another way: they come before TCP, unix sockets and memory. @default none */
  readonly transports?: readonly Transport[]
  /** Decides for each call whether its caller may make it. @default everybody may */
  readonly authenticate?: Authenticate
  /** Hosts that may connect: IP addresses, or subnets such as `10.0.0.0/8`. @default all */
  readonly allow?: readonly string[]
  /** Hosts that may not connect, even if they are allowed. @default none */
  readonly deny?: readonly string[]

  /**
   * The longest frame that a client may send, in bytes, also after decompression. A call that is longer fails with `ERR_RPCX_FRAME`.
   * @default 16 MiB
   */
  readonly maxFrameBytes?: number
  /**
   * How many values the arguments of a call may have: numbers, strings, keys, arrays, … A short payload takes many times its length once
   * it is decoded. A call with more fails with `ERR_RPCX_ARGUMENT`. Payloads of fewer bytes are not counted. @default 1_000_000
   */
  readonly maxValues?: number
  /** How many levels of arrays and objects the arguments of a call may have; a call with more fails with `ERR_RPCX_ARGUMENT`. @default 100 */
  readonly maxDepth?: number
  /**
   * How many keys that are no strings the maps of a payload may have, in MessagePack: of such keys an attacker can choose those that are
   * slow to store. A call with more fails with `ERR_RPCX_ARGUMENT`. @default 4_096
   */
  readonly maxMapKeys?: number
  /** Bytes that calls hold while they run: what came with them, inflated payloads, decoded values. Further calls wait. @default 256 MiB */
  readonly maxHeldBytes?: number
  /** Of these, how many the calls of one connection may hold; its further calls wait. @default a quarter of maxHeldBytes */
  readonly maxHeldBytesPerConnection?: number
  /** Bytes of calls that wait for their turn; further calls get `ERR_RPCX_NOT_EXECUTED`. @default 64 MiB */
  readonly maxQueuedBytes?: number
  /** Bytes of frames that have begun and not ended, of all connections; beyond that, the connection with the most is closed. @default 128 MiB */
  readonly maxUnfinishedBytes?: number
  /** Bytes of replies and pushes that clients have not read yet, of all connections; beyond that, the connection with the most is closed. @default 256 MiB */
  readonly maxUnreadBytes?: number
  /**
   * Of these, how many may wait for one client; further replies to it fail with `ERR_RPCX_FRAME`, after their calls have run.
   * @default half of maxUnreadBytes
   */
  readonly maxUnreadBytesPerConnection?: number
  /** Connections that are open at once; further ones are closed as they come. @default Infinity */
  readonly maxConnections?: number
  /** Calls that run at once; further ones wait. @default 10_000 */
  readonly maxConcurrentCalls?: number
  /** Of these, how many may come from one connection. @default maxConcurrentCalls */
  readonly maxConcurrentCallsPerConnection?: number
  /** Calls that wait for their turn; further ones get `ERR_RPCX_NOT_EXECUTED`. @default 1_000 */
  readonly maxQueuedCalls?: number
  /** How many calls a second may come; further ones get `ERR_RPCX_NOT_EXECUTED`. @default no limit */
  readonly rateLimit?: RateLimitOptions

  /** Closes a connection without calls on which nothing came for so long, heartbeats included. 0: never. @default 300_000 */
  readonly idleTimeoutMs?: number
  /** How long a TLS handshake may take. @default 10_000 */
  readonly handshakeTimeoutMs?: number
  /** How long a frame may take from its first byte to its last. @default 30_000 */
  readonly frameTimeoutMs?: number

  /** How long `serve()` waits for the first attempt of its plugins to register. @default 10_000 */
  readonly startTimeoutMs?: number
  /** How long `close()` goes on to serve once the plugins have withdrawn the server, so that clients see it first. @default 250 */
  readonly noticeMs?: number
  /** How long `close()` waits for calls that run. @default 10_000 */
  readonly drainMs?: number
  /** How long a drained connection stays open after its last frame, so that its client can close it first. @default 1_000 */
  readonly lingerMs?: number
  /**
   * What the server needs before it may be called: `() => client.ready()`, say. It is asked once the server listens. Until it resolves,
   * calls fail with `ERR_RPCX_NOT_EXECUTED`, the health is `starting`, and nothing is registered; `serve()` waits for it and rejects as it
   * does. @default nothing
   */
  readonly readyWhen?: () => Promise<unknown>
  /**
   * What the methods of the server use and nobody else: clients, discoveries. They are closed after the server has drained, the last one
   * first, each within 10 s. @default none
   */
  readonly owns?: readonly AsyncDisposable[]
  /** Whether `_health.Check` is answered without asking `authenticate`, for probes that have no token. @default false */
  readonly publicHealth?: boolean
  /** Signals that close the server, such as `SIGTERM`. The same signal again ends the process at once. @default none */
  readonly closeOn?: readonly NodeJS.Signals[]

  /** Where time and chance come from, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/** How a server ends. */
export interface CloseOptions {
  /** How long to wait for calls that run. @default the server's */
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
