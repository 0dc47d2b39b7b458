import type { Codec } from '../codec/codec.ts'
import { Codecs } from '../codec/codecs.ts'
import type { Discovery } from '../discovery/discovery.ts'
import { RpcxError } from '../errors.ts'
import { checkChoice, checkMs } from '../options.ts'
import { MAX_FRAME_BYTES } from '../wire/frame-decoder.ts'
import { ReservedKey } from '../wire/header.ts'
import type { Metadata } from '../wire/pairs.ts'
import { NO_METADATA } from '../wire/pairs.ts'
import type { Invocation, Wanted } from './call.ts'
import { Call } from './call.ts'
import type { CallOptions } from './call-options.ts'
import { limitOf, metadataOf, signalOf } from './call-options.ts'
import { Deadlines } from './deadlines.ts'
import { Dispatcher } from './dispatcher.ts'
import type { FailMode } from './fail-mode.ts'
import { checkFailMode } from './fail-mode.ts'
import type { Arg, MethodName, Out } from './methods.ts'
import type { SelectMode } from './select/selector.ts'
import { selectorFor } from './select/selector.ts'

export interface XClientOptions {
  /** What follows a failed attempt. @default 'failfast' */
  readonly failMode?: FailMode
  /** How servers are chosen. @default 'random' */
  readonly selectMode?: SelectMode
  /** How often a call is repeated at most, under `failtry` and `failover`. @default 3 */
  readonly retries?: number
  /** How arguments are encoded; servers answer in the same. @default 'msgpack' */
  readonly codec?: 'msgpack' | 'json' | 'raw' | Codec
  /** Codecs beside raw, JSON and MessagePack that replies may come in. */
  readonly codecs?: readonly Codec[]
  /** Message types by method, for codecs that need them. */
  readonly types?: Readonly<Record<string, { readonly args?: unknown; readonly reply?: unknown }>>
  /** `gzip` compresses arguments over 1024 bytes; the reply of such a call may then be compressed too. @default none */
  readonly compress?: 'gzip'
  /** How long a call may take in all, over all attempts. 0: without end. @default 10_000 */
  readonly timeoutMs?: number
  /** How long one dial may take. @default 1_000 */
  readonly connectTimeoutMs?: number
  /** A connection on which nothing came for so long is asked for a sign of life, and closed when none comes. 0: never. @default 10_000 */
  readonly heartbeatMs?: number
  /** Whether calls may be repeated after they may have run: all methods, or these. @default false */
  readonly idempotent?: boolean | readonly string[]
  /** Sent with each call as `__AUTH`. */
  readonly token?: string
  /** Calls only servers of this group (`group=…` in their metadata). */
  readonly group?: string
  /** With an empty list, waits for a server instead of failing with `ERR_RPCX_NO_ENDPOINT`. @default false */
  readonly waitForReady?: boolean
  /** The longest frame that a server may send, in bytes, also after decompression. @default 16 MiB */
  readonly maxFrameBytes?: number
  /** What may wait for a server that does not read, in bytes; further calls go elsewhere. @default 16 MiB */
  readonly maxBufferedBytes?: number
}

/**
 * Calls the methods of one service, on whichever server its discovery shows. `S` is an interface or a class.
 *
 * ```ts
 * const arith = new XClient<ArithService>('Arith', discovery)
 * const { C } = await arith.call('Mul', { A: 10, B: 20 })
 * ```
 */
export class XClient<S extends object> implements AsyncDisposable {
  readonly #service: string
  readonly #discovery: Discovery
  readonly #timeoutMs: number
  readonly #isIdempotent: (method: string) => boolean
  /** Sent with every call. */
  readonly #metadata: Metadata
  readonly #dispatcher: Dispatcher
  readonly #deadlines = new Deadlines(
    () => this.#dispatcher.calls(),
    call => this.#expired(call),
  )
  readonly #closing = new AbortController()
  /** Why no more lists come, though nobody closed anything. */
  #watchError: unknown
  #closed: Promise<void> | undefined

  /**
   * Starts to follow the service at once; dials a server when it is first called.
   * @param discovery stays the caller's to close
   * @throws TypeError or RangeError that names the option
   */
  constructor(service: string, discovery: Discovery, options: XClientOptions = {}) {
    const {
      failMode = 'failfast',
      selectMode = 'random',
      retries,
      codec = 'msgpack',
      codecs = [],
      types = {},
      compress,
      timeoutMs = 10_000,
      connectTimeoutMs = 1_000,
      heartbeatMs = 10_000,
      idempotent = false,
      token,
      group,
      waitForReady = false,
      maxFrameBytes = MAX_FRAME_BYTES,
      maxBufferedBytes = MAX_FRAME_BYTES,
    } = options
    if (typeof service !== 'string' || service === '')
      throw new TypeError('XClient: the name of the service is empty')
    if (token !== undefined && typeof token !== 'string')
      throw new TypeError(`XClient: token is ${typeof token}, not a text`)
    if (compress !== undefined) checkChoice('XClient', 'compress', compress, ['gzip'])
    const all = new Codecs(typeof codec === 'string' ? codecs : [...codecs, codec])
    this.#service = service
    this.#discovery = discovery
    this.#timeoutMs = checkMs('XClient', 'timeoutMs', timeoutMs)
    this.#isIdempotent =
      typeof idempotent === 'boolean' ? () => idempotent : method => idempotent.includes(method)
    this.#metadata = token === undefined ? NO_METADATA : { [ReservedKey.auth]: token }
    this.#dispatcher = new Dispatcher({
      service,
      codec: typeof codec === 'string' ? all.byName(codec) : codec,
      codecs: all,
      types,
      failMode: checkFailMode(failMode),
      retries: checkRetries(retries, failMode),
      selector: selectorFor(selectMode),
      detours: selectorFor(selectMode),
      group,
      waitForReady,
      compress: compress === 'gzip',
      connectTimeoutMs: checkMs('XClient', 'connectTimeoutMs', connectTimeoutMs, 1),
      heartbeatMs: checkMs('XClient', 'heartbeatMs', heartbeatMs),
      maxFrameBytes: checkBytes('maxFrameBytes', maxFrameBytes),
      maxBufferedBytes: checkBytes('maxBufferedBytes', maxBufferedBytes),
    })
    this.#follow().catch(error => (this.#watchError = error))
  }

  /**
   * Calls a method and resolves to its reply.
   * @throws `RpcxError` by `code`; the reason of `options.signal` when that aborts
   */
  call<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<Out<S[M]>>
  call(method: string, args?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#start(method, args, options, 'reply')
  }

  /** As `call`, but resolves to all that is known: the reply, its metadata, the server, the number of attempts. */
  invoke<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<Invocation<Out<S[M]>>>
  invoke(method: string, args?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#start(method, args, options, 'invocation')
  }

  /** Sends a call that is never answered. Resolves when it is on its way; whether it ran is not known. */
  notify<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<void>
  notify(method: string, args?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#start(method, args, options, 'nothing')
  }

  /** Fails the calls that wait, sends what is queued and closes the connections. The discovery stays open. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #start(method: string, args: unknown, options = NO_OPTIONS, wanted: Wanted): Promise<unknown> {
    // One closure: this is what a call costs most.
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw closedError(this.#service, method)
      const { timeoutMs = this.#timeoutMs, idempotent, parent } = options
      if (timeoutMs !== this.#timeoutMs) checkMs('call', 'timeoutMs', timeoutMs)
      const signal = signalOf(options)
      signal?.throwIfAborted()
      const metadata = metadataOf(options, this.#metadata)
      const isIdempotent = idempotent ?? this.#isIdempotent(method)
      const call = new Call(
        method,
        args,
        wanted,
        metadata,
        isIdempotent,
        limitOf(timeoutMs, parent),
        this.#deadlines,
        resolve,
        reject,
      )
      if (signal !== undefined) call.endWith(signal)
      this.#dispatcher.start(call)
    })
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing
    // The loop ends when either of the two is closed; the last list stands.
    for await (const endpoints of this.#discovery.watch(this.#service, { signal }))
      this.#dispatcher.update(endpoints)
  }

  #expired(call: Call): void {
    const name = `${this.#service}.${call.method}`
    if (!this.#dispatcher.hasList) {
      const cause = this.#watchError ?? this.#discovery.status(this.#service).lastError
      const why = cause instanceof Error ? cause.message : 'the registry has not answered'
      call.fail(
        new RpcxError('ERR_RPCX_REGISTRY', `${name}: no list of servers within the deadline: ${why}`, {
          cause,
        }),
      )
      return
    }
    const cause = call.lastError ?? call.node?.lastError
    const where =
      call.node === undefined ? 'no server to send it to' : `no reply from ${call.node.endpoint.address}`
    call.fail(new RpcxError('ERR_RPCX_TIMEOUT', `${name}: ${where} within the deadline`, { cause }))
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    for (const call of [...this.#dispatcher.calls()]) call.fail(closedError(this.#service, call.method))
    this.#deadlines.close()
    await this.#dispatcher.close()
  }
}

/** The arguments of a call; a method that takes none may be called without. */
type Rest<F> =
  undefined extends Arg<F> ? [args?: Arg<F>, options?: CallOptions] : [args: Arg<F>, options?: CallOptions]

const NO_OPTIONS: CallOptions = Object.freeze({})

function checkRetries(retries: number | undefined, failMode: FailMode): number {
  if (retries === undefined) return 3
  if (failMode === 'failfast') throw new TypeError('XClient: retries has no meaning with failMode failfast')
  if (Number.isInteger(retries) && retries >= 0) return retries
  throw new RangeError(`XClient: retries is ${retries}, not an integer from 0 up`)
}

function checkBytes(option: string, value: number): number {
  // A frame is no shorter than its lengths.
  if (Number.isInteger(value) && value >= 16) return value
  throw new RangeError(`XClient: ${option} is ${value}, not an integer from 16 up`)
}

function closedError(service: string, method: string): RpcxError {
  return new RpcxError('ERR_RPCX_CLOSED', `${service}.${method}: the client is closed`)
}
